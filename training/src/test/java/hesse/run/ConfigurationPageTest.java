package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.config.ConfigNode;
import hesse.sharpness.MethodConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What {@code docs/configuration.md} shows is understood, and it shows every method. */
class ConfigurationPageTest {
    private static final Pattern BLOCK = Pattern.compile("```yaml\n(.*?)```", Pattern.DOTALL);

    @Test
    void everyExampleIsUnderstoodAndEveryMethodIsShown() throws IOException {
        var methods = new TreeSet<String>();
        var blocks = BLOCK.matcher(Files.readString(Path.of("../docs/configuration.md")));
        int count = 0;
        while (blocks.find()) {
            var yaml = blocks.group(1);
            boolean whole = yaml.startsWith("model:");
            var config = Config.read(ConfigNode.parse(
                    "docs/configuration.md", whole ? yaml : "model: {kind: mlp, hidden: [3]}\n" + yaml));
            methods.add(config.method().getClass().getSimpleName().toLowerCase(Locale.ROOT));
            count++;
        }
        assertTrue(count > 20, "examples: " + count);
        assertEquals(
                new TreeSet<>(
                        MethodConfig.KINDS.stream().map(k -> k.replace("_", "")).toList()),
                methods);
    }
}
