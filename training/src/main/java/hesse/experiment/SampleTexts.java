package hesse.experiment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Texts in the jar for experiments on sequences that need no data set: a setting names the file {@code $texts/NAME}, which is then written
 * into a folder.
 */
record SampleTexts(Path folder) {
    private static final String MARK = "$texts/";

    /** An assignment with the place of the file in place of its mark. */
    String place(String override) {
        int at = override.indexOf(MARK);
        if (at < 0) return override;
        int end = at + MARK.length();
        while (end < override.length()
                && (Character.isLetterOrDigit(override.charAt(end)) || override.charAt(end) == '.')) {
            end++;
        }
        String name = override.substring(at + MARK.length(), end);
        return override.substring(0, at) + written(name) + override.substring(end);
    }

    private Path written(String name) {
        Path file = folder.resolve(name).toAbsolutePath();
        try (var in = SampleTexts.class.getResourceAsStream("/hesse/experiments/" + name)) {
            if (in == null) throw new IllegalStateException("no text " + name);
            byte[] text = in.readAllBytes();
            if (!Files.exists(file) || Files.size(file) != text.length) {
                Files.createDirectories(folder);
                Files.write(file, text);
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
