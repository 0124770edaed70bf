package hesse.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Which kernels are active, and that the width asked for is the width used. */
class KernelProviderTest {
    @Test
    void theWidthAskedForIsTheWidthUsed() {
        var asked = System.getProperty(KernelProvider.BITS_PROPERTY, "");
        var provider = KernelProvider.get();
        boolean module = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
        assertEquals(module && !asked.equals("none"), provider.vectorised(), provider.description());
        if (provider.vectorised() && !asked.isEmpty()) {
            assertTrue(provider.description().contains(asked), provider.description());
        }
        assertFalse(KernelProvider.plain().vectorised());
    }

    /** The build runs the exactness suite once for each kind of kernels, and says which it means to have started. */
    @Test
    void theKernelsThatTheBuildStartedAreActive() {
        var wanted = System.getProperty("hesse.test.kernels", "kernels");
        var active = KernelProvider.get().description();
        assertTrue(active.contains(wanted), () -> "meant to run " + wanted + ", runs " + active);
    }

    @Test
    void aWidthThatDoesNotExistIsRefusedByName() {
        var thrown = assertThrows(IllegalArgumentException.class, () -> KernelProvider.parseBits("384"));
        assertTrue(thrown.getMessage().contains("hesse.vector.bits"));
        assertTrue(thrown.getMessage().contains("384"));
    }

    @Test
    void rowTilesCoverTheRowsWithoutARest() {
        for (int[] heights : new int[][] {{12, 8}, {6, 4}, {4, 2}}) {
            for (int rows = 1; rows < 300; rows++) {
                var tiles = RowTiles.of(rows, heights);
                int sum = 0;
                for (int i = 0; i < tiles.count(); i++) {
                    assertTrue(tiles.height(i) >= 1 && tiles.height(i) <= heights[0], tiles.toString());
                    sum += tiles.height(i);
                }
                assertEquals(rows, sum, tiles.toString());
                assertTrue(tiles.count() <= Math.ceilDiv(rows, heights[0]) + 2, tiles.toString());
            }
        }
    }
}
