package hesse.run;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a kernel needs of a multiprocessor, read from compiled machine code: an ELF file whose section {@code .nv.info} holds entries of
 * (form, attribute, size, symbol, value).
 *
 * @param registers per thread
 * @param localBytes per thread of memory for what did not fit the registers, and for arrays indexed at run time
 */
record KernelResources(int registers, int localBytes) {
    private static final int INFO = 0x70000000;
    private static final int SYMBOLS = 2;
    private static final int SIZED = 4;
    private static final int REGISTERS = 0x2f;
    private static final int FRAME = 0x11;
    private static final int SYMBOL_BYTES = 24;

    /** By kernel, in alphabetical order. */
    static Map<String, KernelResources> of(byte[] image) {
        var elf = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
        if (elf.getInt(0) != 0x464c457f) throw new IllegalArgumentException("not an ELF file");
        long table = elf.getLong(40);
        int entry = Short.toUnsignedInt(elf.getShort(58));
        int count = Short.toUnsignedInt(elf.getShort(60));
        var found = new TreeMap<String, KernelResources>();
        for (int s = 0; s < count; s++) {
            int header = (int) table + s * entry;
            // The section of all kernels belongs to none: its info is 0.
            if (elf.getInt(header + 4) != INFO || elf.getInt(header + 44) != 0) continue;
            int symbols = (int) table + elf.getInt(header + 40) * entry;
            if (elf.getInt(symbols + 4) != SYMBOLS) throw new IllegalArgumentException("no symbols");
            int names = (int) table + elf.getInt(symbols + 40) * entry;
            int at = (int) elf.getLong(header + 24);
            int end = at + (int) elf.getLong(header + 32);
            while (at < end) {
                if (elf.get(at) != SIZED) {
                    at += 4;
                    continue;
                }
                int attribute = Byte.toUnsignedInt(elf.get(at + 1));
                if (attribute == REGISTERS || attribute == FRAME) {
                    int symbol = (int) elf.getLong(symbols + 24) + elf.getInt(at + 4) * SYMBOL_BYTES;
                    var name = string(elf, (int) elf.getLong(names + 24) + elf.getInt(symbol));
                    int value = elf.getInt(at + 8);
                    var known = found.getOrDefault(name, new KernelResources(0, 0));
                    found.put(
                            name,
                            attribute == REGISTERS
                                    ? new KernelResources(value, known.localBytes)
                                    : new KernelResources(known.registers, value));
                }
                at += 4 + Short.toUnsignedInt(elf.getShort(at + 2));
            }
        }
        if (found.isEmpty()) throw new IllegalArgumentException("no kernels");
        return found;
    }

    private static String string(ByteBuffer elf, int at) {
        int end = at;
        while (elf.get(end) != 0) end++;
        return new String(elf.array(), at, end - at, StandardCharsets.US_ASCII);
    }
}
