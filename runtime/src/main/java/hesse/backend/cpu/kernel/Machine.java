package hesse.backend.cpu.kernel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What decides the sizes of blocks. Blocks change the time a contraction takes, never its bits.
 *
 * @param cores processors this process may use
 * @param secondLevelCache bytes of one core's second-level cache
 */
record Machine(int cores, long secondLevelCache) {
    private static final Path SIZE = Path.of("/sys/devices/system/cpu/cpu0/cache/index2/size");
    private static final long USUAL = 1 << 20;
    private static final Machine HERE = new Machine(Runtime.getRuntime().availableProcessors(), readSize());

    /** The machine this process runs on; where the system does not tell the cache's size, 1 MiB is taken. */
    static Machine here() {
        return HERE;
    }

    private static long readSize() {
        try {
            return parseSize(Files.readString(SIZE).strip());
        } catch (IOException | RuntimeException e) {
            return USUAL;
        }
    }

    /** Bytes of a size as Linux writes it: {@code 2048K}, {@code 1M}; never outside 128 KiB … 8 MiB. */
    static long parseSize(String text) {
        int digits = 0;
        while (digits < text.length() && Character.isDigit(text.charAt(digits))) digits++;
        long unit = switch (text.substring(digits)) {
            case "" -> 1;
            case "K" -> 1 << 10;
            case "M" -> 1 << 20;
            default -> throw new NumberFormatException("not a size: " + text);
        };
        return Math.clamp(Long.parseLong(text.substring(0, digits)) * unit, 1 << 17, 1 << 23);
    }
}
