package hesse.experiment;

import hesse.data.DataFolders;
import hesse.data.DataIdentity;
import hesse.run.Config;
import hesse.run.Runs;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;

/**
 * Names runs by what they compute: the hash of everything in the configuration that results depend on, of the version of the code, and of
 * the data. Runs of one name are one run, whichever sweep asks for them.
 */
public final class RunIdentity {
    private static final int BYTES = 8;

    private final DataFolders folders;
    private final String version;
    private final Map<String, String> data = new HashMap<>();

    /** @param version of the code */
    public RunIdentity(DataFolders folders, String version) {
        this.folders = folders;
        this.version = version;
    }

    /**
     * Sixteen hexadecimal digits.
     *
     * @throws hesse.data.DataException if the data are not there
     */
    public String of(Config config, Task task) {
        var text = new StringBuilder();
        text.append("version=").append(version).append('\n');
        config.data()
                .ifPresent(d -> text.append("data=")
                        .append(data.computeIfAbsent(DataIdentity.key(d), k -> DataIdentity.of(d, folders)))
                        .append('\n'));
        text.append(task.identity()).append(Runs.settings(config));
        try {
            var digest =
                    MessageDigest.getInstance("SHA-256").digest(text.toString().getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, BYTES);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
