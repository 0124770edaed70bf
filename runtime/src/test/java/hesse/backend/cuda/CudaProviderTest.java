package hesse.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.bindings.NativeLibraries;
import hesse.error.UserException;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;

/** How the backend is chosen, and what is said where it cannot be. */
class CudaProviderTest {
    @Test
    void autoPassesOverItWithOneLineAndANamedOneNeverFallsBack() {
        assumeTrue(NativeLibraries.noGpu().isPresent(), "this machine has a GPU");
        var lines = new ArrayList<String>();
        try (var backend = Backends.open("auto", BackendOptions.defaults(), lines::add)) {
            assertTrue(!backend.name().equals("cuda"));
        }
        assertEquals(1, lines.stream().filter(line -> line.contains("cuda")).count(), lines::toString);
        assertTrue(
                lines.getFirst().startsWith("backend cuda is not used: no NVIDIA GPU: none of /dev/nvidiactl"),
                lines::toString);
        var error =
                assertThrows(UserException.class, () -> Backends.open("cuda", BackendOptions.defaults(), lines::add));
        assertTrue(error.getMessage().contains("CUDA driver: not found"), error::getMessage);
        assertTrue(error.getMessage().contains("remedy: "), error::getMessage);
    }
}
