package hesse.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** What is read of the machine. */
class MachineTest {
    @Test
    void sizesAreReadAsLinuxWritesThem() {
        assertEquals(2 << 20, Machine.parseSize("2048K"));
        assertEquals(1 << 20, Machine.parseSize("1M"));
        assertEquals(262_144, Machine.parseSize("262144"));
        assertEquals(1 << 23, Machine.parseSize("64M"));
        assertEquals(1 << 17, Machine.parseSize("0K"));
        assertThrows(NumberFormatException.class, () -> Machine.parseSize("K"));
        assertThrows(NumberFormatException.class, () -> Machine.parseSize("2 GiB"));
    }

    @Test
    void thisMachineHasACoreAndACache() {
        assertTrue(Machine.here().cores() >= 1);
        assertTrue(Machine.here().secondLevelCache() >= 1 << 17);
    }
}
