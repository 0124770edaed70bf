package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.spi.ToolProvider;

/** The model of {@code docs/models.md}, compiled from the text of that page. */
public final class OwnModel {
    public static final String NAME = "example.SmallResidual";

    private OwnModel() {}

    /** A jar of it in a folder. */
    public static Path jar(Path folder) throws IOException {
        String page = Files.readString(Path.of("..", "docs", "models.md"));
        int start = page.indexOf("```java\n") + 8;
        Path source = folder.resolve("SmallResidual.java");
        Files.writeString(source, page.substring(start, page.indexOf("```", start)));
        var messages = new StringWriter();
        int status = ToolProvider.findFirst("javac")
                .orElseThrow()
                .run(
                        new PrintWriter(messages),
                        new PrintWriter(messages),
                        "-proc:none",
                        "-cp",
                        String.join(
                                File.pathSeparator,
                                System.getProperty("java.class.path"),
                                System.getProperty("jdk.module.path", "")),
                        "-d",
                        folder.toString(),
                        source.toString());
        assertEquals(0, status, messages::toString);
        Path jar = folder.resolve("own model.jar");
        String entry = NAME.replace('.', '/') + ".class";
        try (var out = new JarOutputStream(Files.newOutputStream(jar))) {
            out.putNextEntry(new JarEntry(entry));
            out.write(Files.readAllBytes(folder.resolve(entry)));
        }
        Files.delete(folder.resolve(entry));
        return jar;
    }
}
