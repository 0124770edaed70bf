package hesse.run;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** Registers and local memory of many kernels on several architectures, as a page. */
final class RegisterTable {
    static final int[] ARCHITECTURES = {80, 90, 100};
    private static final int LISTED = 40;

    private record Row(String label, String kernel, List<KernelResources> byArchitecture) {
        int most() {
            return byArchitecture.stream()
                    .mapToInt(KernelResources::registers)
                    .max()
                    .orElse(0);
        }

        int local() {
            return byArchitecture.stream()
                    .mapToInt(KernelResources::localBytes)
                    .max()
                    .orElse(0);
        }
    }

    private final List<Row> rows = new ArrayList<>();

    /** Kernels of one source on one architecture; the architectures of a source come in order. */
    void add(String label, int architecture, Map<String, KernelResources> kernels) {
        kernels.forEach((kernel, resources) -> {
            if (architecture == ARCHITECTURES[0]) rows.add(new Row(label, kernel, new ArrayList<>()));
            for (int i = rows.size() - 1; i >= 0; i--) {
                var row = rows.get(i);
                if (!row.label.equals(label) || !row.kernel.equals(kernel)) continue;
                row.byArchitecture.add(resources);
                return;
            }
            throw new IllegalArgumentException(kernel + " is new on " + architecture);
        });
    }

    /** How many kernels need local memory on any architecture. */
    long spilling() {
        return rows.stream().filter(r -> r.local() > 0).count();
    }

    int mostRegisters() {
        return rows.stream().mapToInt(Row::most).max().orElse(0);
    }

    /** Markdown: counts by number of registers, and the kernels that need the most. */
    String page(String what) {
        var s = new StringBuilder("# Registers of the generated CUDA kernels\n\n");
        s.append(what)
                .append(": ")
                .append(rows.size())
                .append(" kernels, at most ")
                .append(mostRegisters());
        s.append(" registers per thread, ").append(spilling()).append(" with local memory (spills).\n\n");
        s.append(
                "Written by `CudaSourcesTest` (`mvn -Pci`) into `training/target/cuda-registers.md`, read from the machine code's"
                        + " `.nv.info`. Blocks have 256\nthreads: up to 32 registers let 8 blocks share a multiprocessor's 65,536, 64 let"
                        + " 4, 128 let 2.\n\n");
        s.append(
                "| architecture | ≤ 32 | 33 to 64 | 65 to 128 | more | most | local bytes |\n| --- | --- | --- | --- | --- | --- | --- |\n");
        for (int a = 0; a < ARCHITECTURES.length; a++) {
            int column = a;
            int[] counts = new int[4];
            int most = 0;
            int local = 0;
            for (var row : rows) {
                var k = row.byArchitecture.get(column);
                counts[k.registers() <= 32 ? 0 : k.registers() <= 64 ? 1 : k.registers() <= 128 ? 2 : 3]++;
                most = Math.max(most, k.registers());
                local = Math.max(local, k.localBytes());
            }
            s.append("| sm_%d | %d | %d | %d | %d | %d | %d |%n"
                    .formatted(ARCHITECTURES[a], counts[0], counts[1], counts[2], counts[3], most, local));
        }
        s.append(
                "\nThe kernels that need the most, with the preset, the method and the step that first need them:\n\n");
        s.append("| registers on sm_80, sm_90, sm_100 | local bytes | kernel | of |\n| --- | --- | --- | --- |\n");
        rows.stream()
                .sorted(Comparator.comparingInt(Row::most).reversed())
                .limit(LISTED)
                .forEach(row -> s.append("| %s | %d | %s | %s |%n"
                        .formatted(
                                String.join(
                                        ", ",
                                        row.byArchitecture.stream()
                                                .map(k -> Integer.toString(k.registers()))
                                                .toList()),
                                row.local(),
                                row.kernel,
                                row.label.replace("|", "\\|"))));
        return s.toString();
    }
}
