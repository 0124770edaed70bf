package hesse.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import hesse.cases.Seeds;
import hesse.scalar.Activations;
import hesse.scalar.Lowering;
import hesse.scalar.ScalarOp;
import hesse.scalar.ScalarProgram;
import hesse.tensor.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The arithmetic of the generated text: compiled for the host, it gives the interpreter's very bits. */
class CudaExpressionsTest {
    private static final int DRAWS = 20_000;
    private static final double[] SPECIAL = {
        0.0,
        -0.0,
        1,
        -1,
        0.5,
        2,
        Double.POSITIVE_INFINITY,
        Double.NEGATIVE_INFINITY,
        Double.NaN,
        Float.MIN_VALUE,
        Double.MIN_VALUE,
        -1e-40,
        1e-310,
        Float.MAX_VALUE,
        Double.MAX_VALUE,
        88.7,
        -103.9,
        709.7,
        -745.1,
        1e-8,
        3e7,
        -1e15
    };

    /** Every function of the language, every activation with its derivatives, and programs of their parts. */
    private static Map<String, ScalarProgram> programs() {
        var programs = new LinkedHashMap<String, ScalarProgram>();
        for (var op : ScalarOp.values()) {
            boolean plain = op.result() != ScalarOp.Result.INTEGER && op != ScalarOp.FLOAT && op.arity() > 0;
            if (!plain) continue;
            var p = new ScalarProgram.Builder();
            var operands = new int[op.arity()];
            for (var i = 0; i < operands.length; i++) operands[i] = p.input(i);
            if (op == ScalarOp.SELECT) operands[0] = p.op(ScalarOp.LT, p.input(1), p.input(2));
            programs.put(op.name(), p.build(3, p.op(op, operands)));
        }
        for (var name : Activations.names()) {
            var fn = Activations.named(name, name.equals("beta_gelu") ? Map.of("beta", 3.0) : Map.of());
            var p = new ScalarProgram.Builder();
            var outputs = new ArrayList<Integer>();
            for (var order = 0; order < 4; order++) {
                outputs.add(p.inline(fn.program(), p.input(0))[0]);
                fn = fn.derivative();
            }
            programs.put(name, p.build(3, outputs.stream().mapToInt(i -> i).toArray()));
        }
        return programs;
    }

    private static String function(String name, ScalarProgram basic, DType type) {
        var number = CudaExpressions.numberType(type);
        var inputs = new ArrayList<CudaExpressions.Value>();
        for (var i = 0; i < basic.inputs(); i++) {
            inputs.add(new CudaExpressions.Value("in[" + i + "]", ScalarOp.Result.NUMBER));
        }
        var text = new StringBuilder("extern \"C\" void " + name + "(const " + number + " *in, " + number
                + " *out, long count) {\n    for (long k = 0; k < count; k++, in += " + basic.inputs() + ", out += "
                + basic.outputs() + ") {\n");
        var outputs = CudaExpressions.print(basic, type, "t", inputs, "        ", text);
        for (var i = 0; i < outputs.size(); i++) {
            text.append(
                    "        out[" + i + "] = " + CudaExpressions.number(outputs.get(i), type == DType.F32) + ";\n");
        }
        return text.append("    }\n}\n").toString();
    }

    @Test
    void theHostsCompilerFindsTheInterpretersBits(@TempDir Path folder) throws Exception {
        assumeTrue(FakeLibraries.canCompile(), "no C compiler (cc): the expressions cannot be compiled");
        var basics = new LinkedHashMap<String, ScalarProgram>();
        var text = new StringBuilder("#include \"cuda_on_host.h\"\n");
        for (var type : List.of(DType.F32, DType.F64)) {
            programs().forEach((name, program) -> {
                var basic = Lowering.lower(program, type);
                basics.put(name + "_" + type, basic);
                text.append(function(name + "_" + type, basic, type));
            });
        }
        var library = compile(folder, text.toString());
        try (var arena = Arena.ofConfined()) {
            var lookup = SymbolLookup.libraryLookup(library, arena);
            for (var entry : basics.entrySet()) {
                var handle = Linker.nativeLinker()
                        .downcallHandle(
                                lookup.findOrThrow(entry.getKey()),
                                FunctionDescriptor.ofVoid(
                                        ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
                Seeds.each(seed -> {
                    if (entry.getKey().endsWith("F32")) compareF32(entry.getKey(), entry.getValue(), handle, seed);
                    else compareF64(entry.getKey(), entry.getValue(), handle, seed);
                });
            }
        }
        assertTrue(basics.size() > 80, () -> basics.size() + " programs");
    }

    private static Path compile(Path folder, String text) throws IOException, InterruptedException {
        var source = folder.resolve("expressions.cpp");
        Files.writeString(source, text);
        try (var header = CudaExpressionsTest.class.getResourceAsStream("cuda_on_host.h")) {
            Files.write(folder.resolve("cuda_on_host.h"), header.readAllBytes());
        }
        var library = folder.resolve("expressions.so");
        var process = new ProcessBuilder(
                        "cc",
                        "-x",
                        "c++",
                        "-std=c++17",
                        "-O1",
                        "-ffp-contract=off",
                        "-shared",
                        "-fPIC",
                        "-o",
                        library.toString(),
                        source.toString(),
                        "-lm")
                .redirectErrorStream(true)
                .start();
        var output = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), output);
        return library;
    }

    private static double draw(SplittableRandom random) {
        return switch (random.nextInt(4)) {
            case 0 -> SPECIAL[random.nextInt(SPECIAL.length)];
            case 1 -> Double.longBitsToDouble(random.nextLong());
            case 2 -> random.nextGaussian() * Math.pow(10, random.nextInt(-6, 7));
            default -> random.nextGaussian() * 3;
        };
    }

    private static void compareF32(String name, ScalarProgram basic, MethodHandle handle, long seed) {
        var random = new SplittableRandom(seed);
        var in = new float[DRAWS * basic.inputs()];
        for (var i = 0; i < in.length; i++) {
            in[i] = random.nextInt(4) == 0 ? Float.intBitsToFloat(random.nextInt()) : (float) draw(random);
        }
        try (var arena = Arena.ofConfined()) {
            var out = arena.allocate(ValueLayout.JAVA_FLOAT, (long) DRAWS * basic.outputs());
            call(handle, arena.allocateFrom(ValueLayout.JAVA_FLOAT, in), out);
            for (var k = 0; k < DRAWS; k++) {
                var at = java.util.Arrays.copyOfRange(in, k * basic.inputs(), (k + 1) * basic.inputs());
                var expected = Lowering.evaluateF32(basic, at);
                for (var i = 0; i < expected.length; i++) {
                    float got = out.getAtIndex(ValueLayout.JAVA_FLOAT, (long) k * expected.length + i);
                    float want = expected[i];
                    assertEquals(
                            Float.floatToIntBits(want),
                            Float.floatToIntBits(got),
                            () -> name + " of " + java.util.Arrays.toString(at) + ": " + got + " is not " + want);
                }
            }
        }
    }

    private static void compareF64(String name, ScalarProgram basic, MethodHandle handle, long seed) {
        var random = new SplittableRandom(seed);
        var in = new double[DRAWS * basic.inputs()];
        for (var i = 0; i < in.length; i++) in[i] = draw(random);
        try (var arena = Arena.ofConfined()) {
            var out = arena.allocate(ValueLayout.JAVA_DOUBLE, (long) DRAWS * basic.outputs());
            call(handle, arena.allocateFrom(ValueLayout.JAVA_DOUBLE, in), out);
            for (var k = 0; k < DRAWS; k++) {
                var at = java.util.Arrays.copyOfRange(in, k * basic.inputs(), (k + 1) * basic.inputs());
                var expected = Lowering.evaluateF64(basic, at);
                for (var i = 0; i < expected.length; i++) {
                    double got = out.getAtIndex(ValueLayout.JAVA_DOUBLE, (long) k * expected.length + i);
                    double want = expected[i];
                    assertEquals(
                            Double.doubleToLongBits(want),
                            Double.doubleToLongBits(got),
                            () -> name + " of " + java.util.Arrays.toString(at) + ": " + got + " is not " + want);
                }
            }
        }
    }

    private static void call(
            MethodHandle handle, java.lang.foreign.MemorySegment in, java.lang.foreign.MemorySegment out) {
        try {
            handle.invokeExact(in, out, (long) DRAWS);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
