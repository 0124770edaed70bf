package hesse.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The dynamic loader of this process, on libraries made with the system's C compiler. */
class SystemNativeLinkerTest {
    private final NativeLinker linker = new SystemNativeLinker();

    @Test
    void aBareNameIsResolvedToItsFile() {
        var file = linker.open("libc.so.6");
        assertTrue(file.isAbsolute() && Files.exists(file), file::toString);
    }

    @Test
    void theLoadersOwnWordsAreKept() {
        var error = assertThrows(UnsatisfiedLinkError.class, () -> linker.open("libnowhere.so.7"));
        assertEquals("libnowhere.so.7: cannot open shared object file: No such file or directory", error.getMessage());
    }

    @Test
    void aMissingDependencyIsNamedAndALoadedFunctionIsSeen(@TempDir Path folder) throws Exception {
        compile(folder, "libneeded_by_hesse_test.so", "int hesse_test_needed(void) { return 7; }");
        compile(
                folder,
                "libhesse_test.so",
                "int hesse_test_needed(void); int hesse_test(void) { return hesse_test_needed(); }",
                "-L" + folder,
                "-lneeded_by_hesse_test");
        var file = folder.resolve("libhesse_test.so");
        var error = assertThrows(UnsatisfiedLinkError.class, () -> linker.load(file));
        assertTrue(
                error.getMessage().contains("libneeded_by_hesse_test.so: cannot open shared object file"),
                error::getMessage);
        assertFalse(linker.has("hesse_test"));
        linker.open(folder.resolve("libneeded_by_hesse_test.so").toString());
        assertFalse(linker.has("hesse_test_needed"), "an opened library is not a loaded one");
        linker.load(file);
        assertTrue(linker.has("hesse_test"));
    }

    private static void compile(Path folder, String name, String source, String... options)
            throws IOException, InterruptedException {
        var code = folder.resolve(name + ".c");
        Files.writeString(code, source);
        var command = new java.util.ArrayList<>(List.of(
                "cc",
                "-shared",
                "-fPIC",
                "-Wl,-soname," + name,
                "-o",
                folder.resolve(name).toString(),
                code.toString()));
        command.addAll(List.of(options));
        Process process;
        try {
            process = new ProcessBuilder(command).inheritIO().start();
        } catch (IOException e) {
            Assumptions.abort("no C compiler: " + e.getMessage());
            return;
        }
        assertEquals(0, process.waitFor(), () -> String.join(" ", command));
    }
}
