package hesse.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.cuda.ConvolutionChoice.Layout;
import hesse.backend.cuda.ConvolutionSpec.Direction;
import hesse.bindings.NativeLibraries;
import hesse.bindings.NativeLibrary;
import hesse.tensor.DType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;

/** The scenarios of {@link FakeCudaTest}: each public method is one. */
public final class FakeCudaScenarios {
    private static final int OUT_OF_MEMORY = 2;
    private static final int ILLEGAL_ADDRESS = 700;
    private static final int FMA = 3;
    private static final int DEFAULT = 0;
    private static final int NOT_SUPPORTED = 3000;
    private static final int NHWC = 1;
    private static final int NCHW = 0;

    private static Path libraries = Path.of("unset");

    public FakeCudaScenarios() {
        FakeControl.reset();
    }

    static void load(Path folder) {
        libraries = folder;
        System.setProperty("hesse.native.path", folder.toString());
        try {
            var report = NativeLibraries.report();
            assertTrue(report.complete(), report::text);
            assertEquals("12.8", report.of(NativeLibrary.DRIVER).version());
            assertEquals("9.6.0", report.of(NativeLibrary.CUDNN).version());
            assertEquals(
                    folder.resolve("libcudnn.so.9"),
                    report.of(NativeLibrary.CUDNN).file().orElseThrow());
        } finally {
            System.clearProperty("hesse.native.path");
        }
    }

    private static List<String> callsAfter(String prefix) {
        var calls = FakeControl.calls();
        for (var i = 0; i < calls.size(); i++) {
            if (calls.get(i).startsWith(prefix)) return calls.subList(i, calls.size());
        }
        throw new AssertionError("no " + prefix + " in " + calls);
    }

    private static void assertNothingLeft() {
        assertEquals(0, FakeControl.alive(), () -> String.join("\n", FakeControl.calls()));
        assertFalse(
                FakeControl.calls().stream().anyMatch(call -> call.startsWith("BAD")), () -> "" + FakeControl.calls());
    }

    /** A group of one, of which one more is expected. */
    private record Several(int size) implements hesse.collective.Ranks {
        @Override
        public int rank() {
            return 0;
        }

        @Override
        public int localRank() {
            return 0;
        }

        @Override
        public byte[] fromFirst(byte[] message) {
            return message.clone();
        }

        @Override
        public List<byte[]> fromAll(byte[] message) {
            return List.of(message.clone());
        }

        @Override
        public hesse.collective.Collective host() {
            throw new AssertionError("data of a device does not go through the host");
        }

        @Override
        public void close() {}
    }

    public void sumsOverRanksGoThroughNcclOnTheStreamOfTheComputation() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            var nccl = NcclCollective.create(device, stream, new Several(2));
            var a = device.allocate(4096, "a");
            var b = device.allocate(4096, "b");
            nccl.sums(
                    new long[] {a.address(), b.address()},
                    new long[] {a.address(), b.address() + 512},
                    List.of(100L, 7L),
                    DType.F64);
            nccl.sum(a.address(), 3, DType.F32);
            nccl.broadcast(a.address(), 5, DType.I64, 1);
        }
        assertEquals(
                List.of(
                        "ncclGetUniqueId()",
                        "ncclCommInitRank(2, id, 0)",
                        "ncclGroupStart()",
                        "ncclAllReduce(in place, 100, 8, 0, communicator1, stream1)",
                        "ncclAllReduce(apart, 7, 8, 0, communicator1, stream1)",
                        "ncclGroupEnd()",
                        "ncclAllReduce(in place, 3, 7, 0, communicator1, stream1)",
                        "ncclBroadcast(5, 4, 1, communicator1, stream1)",
                        "ncclCommDestroy(communicator1)"),
                FakeControl.calls().stream().filter(c -> c.startsWith("nccl")).toList());
        assertNothingLeft();
    }

    public void aRankThatNcclRefusesSaysWhy() {
        FakeControl.fail("ncclCommInitRank", 0, 5);
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            var e = assertThrows(CudaException.class, () -> NcclCollective.create(device, stream, new Several(2)));
            var text = String.valueOf(e.getMessage());
            assertTrue(text.contains("ncclCommInitRank") && text.contains("Duplicate GPU"), text);
        }
        assertNothingLeft();
    }

    public void anExchangeOfAPlanIsOneGroupOfSums() {
        var g = new hesse.graph.Graph();
        var x = g.input("x", DType.F32, hesse.tensor.Shape.of(6));
        var y = g.input("y", DType.F32, hesse.tensor.Shape.of(2, 2));
        var outputs = new java.util.LinkedHashMap<String, hesse.graph.Node>();
        outputs.put("a", g.apply(new hesse.graph.AllReduce(1, 0), x));
        outputs.put("b", g.apply(new hesse.graph.AllReduce(1, 1), y));
        try (var backend = CudaBackend.open(
                        new hesse.backend.BackendOptions(0, "f32", false, false, new Several(2)), libraries);
                var executable = backend.compile(hesse.plan.Computation.of(outputs))) {
            for (var buffer : executable.plan().buffers()) {
                if (buffer.place() == hesse.plan.Plan.Place.SLAB) continue;
                executable.bind(buffer.name(), backend.allocate(buffer.dtype(), buffer.shape()));
            }
            executable.run();
        }
        assertEquals(
                List.of(
                        "ncclGroupStart()",
                        "ncclAllReduce(apart, 6, 7, 0, communicator1, stream1)",
                        "ncclAllReduce(apart, 4, 7, 0, communicator1, stream1)",
                        "ncclGroupEnd()"),
                FakeControl.calls().stream()
                        .filter(c -> c.startsWith("ncclGroup") || c.startsWith("ncclAll"))
                        .toList());
    }

    public void aDeviceIsOpenedAndClosedInOrder() {
        try (var device = CudaDevice.open(1)) {
            assertEquals(
                    new CudaDevice.Properties("Fake GPU 41", 1, 90, 132, 232448, 1L << 30, 12080), device.properties());
            device.stream("compute");
            device.allocate(1000, "the slab");
            device.event(false);
        }
        assertEquals(
                List.of(
                        "cuInit(0)",
                        "cuDeviceGetCount()",
                        "cuDeviceGet(1)",
                        "cuDevicePrimaryCtxRetain(41)",
                        "cuCtxSetCurrent(context1)",
                        "cuStreamCreate(1)",
                        "cuMemAlloc_v2(1000)",
                        "cuEventCreate(2)",
                        "cuEventDestroy_v2(event1)",
                        "cuMemFree_v2(device1)",
                        "cuStreamDestroy_v2(stream1)",
                        "cuCtxSetCurrent(null)",
                        "cuDevicePrimaryCtxRelease_v2(41)"),
                FakeControl.calls());
        assertNothingLeft();
    }

    public void anAbsentDeviceIsNamed() {
        var error = assertThrows(CudaException.class, () -> CudaDevice.open(2));
        assertTrue(error.getMessage().contains("ordinal 2, visible devices 2"), error::getMessage);
    }

    public void closingTwiceClosesOnce() {
        var device = CudaDevice.open(0);
        var memory = device.allocate(10, "x");
        memory.close();
        memory.close();
        device.close();
        device.close();
        assertEquals(
                1,
                FakeControl.calls().stream()
                        .filter(c -> c.startsWith("cuMemFree"))
                        .count());
        assertNothingLeft();
    }

    public void useAfterCloseAndUseByAnotherThreadAreErrors() throws InterruptedException {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            var failure = new AtomicReference<Throwable>();
            var thread = new Thread(
                    () -> failure.set(assertThrows(IllegalStateException.class, stream::synchronize)), "stranger");
            thread.start();
            thread.join();
            assertTrue(failure.get().getMessage().contains("is used by stranger"), () -> "" + failure.get());
            stream.close();
            var error = assertThrows(IllegalStateException.class, stream::synchronize);
            assertEquals("the stream compute is used after it was closed", error.getMessage());
        }
    }

    public void pinnedMemoryMayBeFilledByAnotherThreadButNotAfterItsEnd() throws InterruptedException {
        try (var device = CudaDevice.open(0)) {
            var pinned = device.pinned(64);
            var segment = pinned.segment();
            var thread = new Thread(() -> segment.fill((byte) 3));
            thread.start();
            thread.join();
            assertEquals(3, segment.get(ValueLayout.JAVA_BYTE, 63));
            pinned.close();
            assertThrows(IllegalStateException.class, () -> segment.get(ValueLayout.JAVA_BYTE, 0));
        }
        assertNothingLeft();
    }

    public void outOfMemorySaysNeededFreeAndTotal() {
        try (var device = CudaDevice.open(0)) {
            FakeControl.fail("cuMemAlloc_v2", 0, OUT_OF_MEMORY);
            var error = assertThrows(CudaOutOfMemoryException.class, () -> device.allocate(500L << 20, "the slab"));
            assertEquals(500L << 20, error.needed());
            assertEquals(100L << 20, error.free());
            assertEquals(1L << 30, error.total());
            assertTrue(
                    error.getMessage()
                            .startsWith(
                                    "the slab: cuMemAlloc_v2 returned CUDA_ERROR_OUT_OF_MEMORY (2): not enough device"
                                            + " memory [needed 500 MiB, free 100 MiB, total 1024 MiB]. end other programs"),
                    error::getMessage);
            assertEquals(1, error.exitCode());
        }
        assertNothingLeft();
    }

    public void stagingCopiesEveryByteThroughFewBuffers() {
        var seed = new Random().nextLong();
        try (var device = CudaDevice.open(0);
                var arena = Arena.ofConfined()) {
            var stream = device.stream("copy");
            var memory = device.allocate(3500, "x");
            var source = arena.allocate(3500);
            var random = new Random(seed);
            for (var i = 0; i < 3500; i++) source.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
            var target = arena.allocate(3500);
            try (var staging = new Staging(device, stream, 1000, 2)) {
                staging.upload(source, memory.address());
                staging.download(memory.address(), target);
                staging.download(memory.address() + 1, target.asSlice(1, 999));
            }
            assertEquals(-1, source.mismatch(target), () -> "seed " + seed);
            var copies = FakeControl.calls().stream()
                    .filter(c -> c.startsWith("cuMemcpyHtoD") || c.startsWith("cuEvent"))
                    .toList();
            assertEquals("cuEventSynchronize(event1)", copies.get(2), "a buffer is free before it is filled");
            assertTrue(copies.get(3).endsWith(", 1000, stream1)"), copies::toString);
            assertEquals("cuEventRecord(event1, stream1)", copies.get(4));
        }
        assertNothingLeft();
    }

    public void aLaunchPassesShapeAndArguments() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            var kernel = device.load("image".getBytes(StandardCharsets.US_ASCII), "test")
                    .kernel("axpy_4", 60_000);
            assertEquals(32, kernel.registers());
            assertEquals(8, kernel.residentBlocks(256, 0));
            var arguments = new LaunchArguments(device.arena(), 4)
                    .set(0, 0xdead0000L)
                    .set(1, 7)
                    .set(2, 1.0f)
                    .set(3, 1.0);
            stream.launch(kernel, new LaunchShape(5, 6, 7, 32, 4, 2, 60_000), arguments, "layer");
            arguments.set(1, 8);
            stream.launch(kernel, LaunchShape.row(9, 128), arguments, "layer");
        }
        assertEquals(
                List.of(
                        "cuModuleLoadData(image)",
                        "cuModuleGetFunction(module1, axpy_4)",
                        "cuFuncSetAttribute(function1, 8, 60000)",
                        "cuOccupancyMaxActiveBlocksPerMultiprocessor(function1, 256, 0)",
                        "cuLaunchKernel(function1, 5 6 7, 32 4 2, 60000, stream1, [ dead0000 7 3f800000 3ff0000000000000 ],"
                                + " null)",
                        "cuLaunchKernel(function1, 9 1 1, 128 1 1, 0, stream1, [ dead0000 8 3f800000 3ff0000000000000 ],"
                                + " null)",
                        "cuModuleUnload(module1)"),
                callsAfter("cuModuleLoadData").subList(0, 7));
        assertNothingLeft();
    }

    public void anArgumentOutOfRangeIsRefused() {
        try (var arena = Arena.ofConfined()) {
            var arguments = new LaunchArguments(arena, 2);
            assertThrows(IndexOutOfBoundsException.class, () -> arguments.set(2, 1L));
            assertThrows(IllegalArgumentException.class, () -> LaunchShape.row(1, 2048));
            assertThrows(IllegalArgumentException.class, () -> LaunchShape.row(0, 32));
        }
    }

    public void aCaptureBecomesAGraphThatIsReplayed() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            var memory = device.allocate(256, "x");
            var graph = stream.capture("step", () -> stream.fill(memory.address(), 5, 256));
            graph.launch(stream);
            graph.launch(stream);
            stream.synchronize();
        }
        var calls = callsAfter("cuStreamBeginCapture_v2");
        assertEquals("cuStreamBeginCapture_v2(stream1, 1)", calls.get(0));
        assertTrue(calls.get(1).startsWith("cuMemsetD8Async("));
        assertEquals(
                List.of(
                        "cuStreamEndCapture(stream1)",
                        "cuGraphInstantiateWithFlags(graph1, 0)",
                        "cuGraphUpload(exec1, stream1)",
                        "cuGraphDestroy(graph1)",
                        "cuGraphLaunch(exec1, stream1)",
                        "cuGraphLaunch(exec1, stream1)",
                        "cuStreamSynchronize(stream1)",
                        "cuGraphExecDestroy(exec1)"),
                calls.subList(2, 10));
        assertNothingLeft();
    }

    public void aFaultInACaptureEndsTheCapture() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            FakeControl.fail("cuMemsetD8Async", 0, ILLEGAL_ADDRESS);
            var error =
                    assertThrows(CudaException.class, () -> stream.capture("step", () -> stream.fill(0x1000, 5, 256)));
            assertEquals("cuMemsetD8Async", error.call());
            assertEquals(700, error.status());
            assertTrue(
                    error.getMessage()
                            .startsWith(
                                    "compute: cuMemsetD8Async returned CUDA_ERROR_ILLEGAL_ADDRESS (700): an illegal memory"
                                            + " access was encountered [target 0x1000, bytes 256]"),
                    error::getMessage);
            assertEquals(
                    List.of("cuStreamEndCapture(stream1)", "cuGraphDestroy(graph1)"), callsAfter("cuStreamEndCapture"));
        }
        assertNothingLeft();
    }

    public void aFailedReleaseDoesNotKeepTheOthers() {
        var device = CudaDevice.open(0);
        device.event(false);
        device.allocate(10, "x");
        device.event(false);
        FakeControl.fail("cuMemFree_v2", 0, ILLEGAL_ADDRESS);
        var error = assertThrows(CudaException.class, device::close);
        assertEquals("cuMemFree_v2", error.call());
        assertEquals(1, FakeControl.alive(), "only what could not be freed is left");
        assertTrue(FakeControl.calls().getLast().startsWith("cuDevicePrimaryCtxRelease_v2"));
    }

    public void eventsMeasureTimeByTheOlderNameToo() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            var start = device.event(true);
            var end = device.event(true);
            stream.record(start);
            stream.record(end);
            end.synchronize();
            assertTrue(end.isDone());
            assertEquals(1.5f, end.millisecondsSince(start));
            assertTrue(FakeControl.calls().contains("cuEventElapsedTime(event1, event2)"));
            FakeControl.fail("cuEventQuery", 0, 600);
            assertFalse(end.isDone());
            FakeControl.fail("cuEventQuery", 0, ILLEGAL_ADDRESS);
            assertThrows(CudaException.class, end::isDone);
        }
    }

    public void theCompilerGetsTheOptionsOfExactArithmetic() {
        var compiler = KernelCompiler.open();
        assertEquals("12.8", compiler.version());
        var image = compiler.compile("source", "kernel", compiler.target(90));
        assertArrayEquals("source".getBytes(StandardCharsets.US_ASCII), image);
        assertEquals(
                List.of(
                        "nvrtcCreateProgram(kernel, 0, null, null)",
                        "nvrtcCompileProgram(program1, --gpu-architecture=sm_90 --fmad=false --ftz=false --prec-div=true"
                                + " --prec-sqrt=true --std=c++17)",
                        "nvrtcDestroyProgram(program1)"),
                FakeControl.calls());
        var ptx = compiler.compile("source", "kernel", compiler.target(120));
        assertEquals("source\0", new String(ptx, StandardCharsets.US_ASCII));
        assertTrue(FakeControl.calls().get(4).contains("--gpu-architecture=compute_100 "));
        assertNothingLeft();
    }

    public void aCompileErrorCarriesTheLog() {
        var compiler = KernelCompiler.open();
        var error =
                assertThrows(CudaException.class, () -> compiler.compile("an error", "kernel", compiler.target(90)));
        assertTrue(
                error.getMessage()
                        .startsWith(
                                "kernel: nvrtcCompileProgram returned NVRTC_ERROR_COMPILATION (6): kernel(1): that is an"
                                        + " error [options --gpu-architecture=sm_90"),
                error::getMessage);
        assertNothingLeft();
    }

    public void aCompiledKernelIsReadFromTheDiskUnlessItIsDamaged() throws IOException {
        var folder = Files.createTempDirectory(libraries, "kernels");
        var compiler = KernelCompiler.open();
        var target = compiler.target(90);
        var cache = new KernelCache(folder);
        var image = cache.compiled(compiler, "source", "kernel", target);
        assertArrayEquals(image, new KernelCache(folder).compiled(compiler, "source", "kernel", target));
        assertEquals(1, compilations());
        cache.compiled(compiler, "another source", "kernel", target);
        cache.compiled(compiler, "source", "kernel", compiler.target(80));
        assertEquals(3, compilations());
        var file = cache.file("source", compiler.options(target), compiler.version(), target);
        Files.write(file, new byte[] {1, 2, 3});
        assertArrayEquals(image, cache.compiled(compiler, "source", "kernel", target));
        assertEquals(4, compilations());
        var bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1]++;
        Files.write(file, bytes);
        assertArrayEquals(image, cache.compiled(compiler, "source", "kernel", target));
        assertEquals(5, compilations());
        try (var files = Files.list(folder.resolve("kernels"))) {
            assertEquals(3, files.count(), "no temporary file is left");
        }
    }

    private static Path temporary() {
        try {
            return Files.createTempDirectory(libraries, "cache");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long compilations() {
        return FakeControl.calls().stream()
                .filter(c -> c.startsWith("nvrtcCompileProgram"))
                .count();
    }

    public void aRowMajorProductIsAskedForByColumns() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            var library = CublasLt.create(device);
            // C (2×3) = A (2×5) · Bᵀ, B lies as 3×5.
            var plan = library.plan(MatmulSpec.dense(2, 3, 5, false, true, Precision.F32), 4096, "head");
            assertEquals(1024, plan.workspaceBytes(), "the first proposal needs too much");
            plan.run(stream, 2, 0xa000, 0xb000, 0, 0xc000, 0xd000);
        }
        assertEquals(
                List.of(
                        "cublasLtMatmulDescCreate(68, 0)",
                        "cublasLtMatmulDescSetAttribute(matmul1, 3, 1)",
                        "cublasLtMatmulDescSetAttribute(matmul1, 4, 0)",
                        "cublasLtMatrixLayoutCreate(0, 5, 3, 5)",
                        "cublasLtMatrixLayoutCreate(0, 5, 2, 5)",
                        "cublasLtMatrixLayoutCreate(0, 3, 2, 3)",
                        "cublasLtMatmulPreferenceCreate()",
                        "cublasLtMatmulPreferenceSetAttribute(preference1, 1, 4096)",
                        "cublasLtMatmulPreferenceSetAttribute(preference1, 5, 256)",
                        "cublasLtMatmulPreferenceSetAttribute(preference1, 6, 256)",
                        "cublasLtMatmulPreferenceSetAttribute(preference1, 7, 256)",
                        "cublasLtMatmulPreferenceSetAttribute(preference1, 8, 256)",
                        "cublasLtMatmulPreferenceSetAttribute(preference1, 3, 2)",
                        "cublasLtMatmulAlgoGetHeuristic(cublas1, matmul1, layout1, layout2, layout3, layout3, preference1, 8)",
                        "cublasLtMatmul(cublas1, matmul1, 2, 0xb000, layout1, 0xa000, layout2, 0, 0xc000, layout3, 0xc000,"
                                + " layout3, a2, 0xd000, 1024, stream1)",
                        "cublasLtMatmulPreferenceDestroy(preference1)",
                        "cublasLtMatrixLayoutDestroy(layout3)",
                        "cublasLtMatrixLayoutDestroy(layout2)",
                        "cublasLtMatrixLayoutDestroy(layout1)",
                        "cublasLtMatmulDescDestroy(matmul1)",
                        "cublasLtDestroy(cublas1)"),
                callsAfter("cublasLtMatmulDescCreate").subList(0, 21));
        assertNothingLeft();
    }

    public void aBatchAndAShorterTypeReachTheLayouts() {
        try (var device = CudaDevice.open(0)) {
            var library = CublasLt.create(device);
            library.plan(
                    MatmulSpec.dense(4, 6, 8, true, false, Precision.BF16)
                            .batched(9)
                            .accumulating(),
                    1 << 21,
                    "scores");
        }
        var calls = callsAfter("cublasLtMatmulDescCreate");
        assertEquals("cublasLtMatmulDescCreate(68, 0)", calls.get(0));
        assertEquals("cublasLtMatmulDescSetAttribute(matmul1, 3, 0)", calls.get(1));
        assertEquals("cublasLtMatmulDescSetAttribute(matmul1, 4, 1)", calls.get(2));
        // B lies as 8×6, hence 6 rows and 8 columns; A lies as 8×4.
        assertEquals("cublasLtMatrixLayoutCreate(14, 6, 8, 6)", calls.get(3));
        assertEquals("cublasLtMatrixLayoutSetAttribute(layout1, 5, 9)", calls.get(4));
        assertEquals("cublasLtMatrixLayoutSetAttribute(layout1, 6, 48)", calls.get(5));
        assertEquals("cublasLtMatrixLayoutCreate(14, 4, 8, 4)", calls.get(6));
        assertEquals("cublasLtMatrixLayoutSetAttribute(layout2, 6, 32)", calls.get(8));
        assertEquals("cublasLtMatrixLayoutCreate(0, 6, 4, 6)", calls.get(9));
        assertEquals("cublasLtMatrixLayoutSetAttribute(layout3, 6, 24)", calls.get(11));
    }

    public void aProductWithoutAWayIsAnErrorAndOneNotPlannedToAddDoesNotAdd() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            var library = CublasLt.create(device);
            var spec = MatmulSpec.dense(2, 3, 5, false, false, Precision.F32);
            var error = assertThrows(CudaException.class, () -> library.plan(spec, 100, "head"));
            assertTrue(error.getMessage()
                    .contains("head: cublasLtMatmulAlgoGetHeuristic returned CUBLAS_STATUS_NOT_SUPPORTED"));
            assertTrue(error.getMessage().contains("proposals 2, workspace 100"), error::getMessage);
            var plan = library.plan(spec, 4096, "head");
            assertThrows(IllegalArgumentException.class, () -> plan.run(stream, 1, 0, 0, 1, 0, 0));
            FakeControl.fail("cublasLtMatmul", 0, 13);
            var failed = assertThrows(CudaException.class, () -> plan.run(stream, 1, 0, 0, 0, 0, 0));
            assertTrue(failed.getMessage()
                    .startsWith("head: cublasLtMatmul returned CUBLAS_STATUS_OTHER (13): cannot be done"));
        }
        assertNothingLeft();
    }

    private static ConvolutionSpec convolution(Direction direction, boolean accumulate) {
        return new ConvolutionSpec(
                direction, 2, 9, 8, 3, 4, 3, 2, 1, 1, 0, 0, 2, 1, 1, 1, 1, Precision.F32, DType.F32, accumulate);
    }

    public void convolutionsPassDescriptorsAndPointersInTheHeadersOrder() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            FakeControl.propose(1, 0, 512, true, FMA);
            var library = ConvolutionLibrary.create(device, stream, 1 << 20, Optional.empty());
            for (var direction : Direction.values()) {
                var spec = convolution(direction, true);
                var choice = (ConvolutionChoice.Direct) library.choose(spec);
                assertEquals(List.of(), choice.refusals());
                try (var plan = library.plan(spec, Layout.NHWC, choice.algorithm(), "conv")) {
                    plan.run(0.5, 0x1000, 0x2000, 1, 0x3000, 0x4000);
                }
            }
        }
        var calls = FakeControl.calls();
        assertTrue(calls.contains("cudnnSetTensor4dDescriptor(tensor1, 1, 0, 2, 3, 9, 8)"), calls::toString);
        assertTrue(calls.contains("cudnnSetTensor4dDescriptor(tensor2, 1, 0, 2, 4, 5, 7)"), calls::toString);
        assertTrue(calls.contains("cudnnSetFilter4dDescriptor(filter1, 0, 1, 4, 3, 3, 2)"));
        assertTrue(calls.contains("cudnnSetConvolution2dDescriptor(convolution1, 1, 0, 2, 1, 1, 1, 1, 0)"));
        assertEquals(
                List.of(
                        "cudnnConvolutionForward(cudnn1, 0.5, tensor5, 0x1000, filter3, 0x2000, convolution3, 1, 0x4000, 512, 1,"
                                + " tensor6, 0x3000; math 3)",
                        "cudnnConvolutionBackwardData(cudnn1, 0.5, filter6, 0x2000, tensor12, 0x1000, convolution6, 1, 0x4000,"
                                + " 512, 1, tensor11, 0x3000; math 3)",
                        "cudnnConvolutionBackwardFilter(cudnn1, 0.5, tensor17, 0x1000, tensor18, 0x2000, convolution9, 1,"
                                + " 0x4000, 512, 1, filter9, 0x3000; math 3)"),
                calls.stream()
                        .filter(c -> c.startsWith("cudnnConvolution") && c.contains(" 0x3000; "))
                        .toList());
        assertNothingLeft();
    }

    public void proposalsThatBreakAPromiseArePassedOver() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            FakeControl.propose(0, NOT_SUPPORTED, 0, true, FMA);
            FakeControl.propose(1, 0, 0, false, FMA);
            FakeControl.propose(2, 0, 0, true, 2);
            FakeControl.propose(3, 0, 1 << 21, true, FMA);
            FakeControl.propose(4, 0, 0, true, FMA);
            FakeControl.propose(5, 0, 64, true, DEFAULT);
            FakeControl.refuse(-1, 4);
            var spec = convolution(Direction.FORWARD, false);
            var library = ConvolutionLibrary.create(device, stream, 1 << 20, Optional.empty());
            var choice = (ConvolutionChoice.Direct) library.choose(spec);
            assertEquals(
                    new ConvolutionChoice.Algorithm(5, FMA, 64),
                    choice.algorithm(),
                    "true f32 runs with the math type that excludes tensor cores, whatever is proposed");
            var admitting = ConvolutionLibrary.create(
                    device, stream, 1 << 20, Optional.of(new Tuning(device, stream, temporary(), "")));
            assertEquals(
                    1,
                    ((ConvolutionChoice.Direct) admitting.choose(spec))
                            .algorithm()
                            .number());
        }
        assertNothingLeft();
    }

    public void refusedLayoutsFallThroughWithTheirReasons() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            FakeControl.propose(1, 0, 512, true, FMA);
            FakeControl.refuse(NHWC, -1);
            var library = ConvolutionLibrary.create(device, stream, 1 << 20, Optional.empty());
            var transposed = (ConvolutionChoice.Transposed) library.choose(convolution(Direction.FORWARD, true));
            assertEquals(
                    List.of(
                            "NHWC, adding to the output: CUDNN_STATUS_NOT_SUPPORTED the fake says no",
                            "NHWC: CUDNN_STATUS_NOT_SUPPORTED the fake says no"),
                    transposed.refusals());
            FakeControl.refuse(NCHW, 1);
            var generated = (ConvolutionChoice.Generated) library.choose(convolution(Direction.BACKWARD_DATA, false));
            assertEquals(
                    List.of(
                            "NHWC: algorithm 1 CUDNN_STATUS_NOT_SUPPORTED",
                            "NCHW: CUDNN_STATUS_NOT_SUPPORTED the fake says no"),
                    generated.refusals());
        }
        assertNothingLeft();
    }

    public void whetherTheLibraryAddsIsTriedOnce() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            FakeControl.propose(1, 0, 512, true, FMA);
            var library = ConvolutionLibrary.create(device, stream, 1 << 20, Optional.empty());
            FakeControl.fail("cudnnConvolutionForward", 0, NOT_SUPPORTED);
            var choice = (ConvolutionChoice.IntoScratch) library.choose(convolution(Direction.FORWARD, true));
            assertEquals(
                    List.of("NHWC, adding to the output: algorithm 1 does not add: CUDNN_STATUS_NOT_SUPPORTED"),
                    choice.refusals());
            var questions = FakeControl.calls().size();
            assertEquals(choice, library.choose(convolution(Direction.FORWARD, true)));
            assertEquals(questions, FakeControl.calls().size(), "the answer is remembered");
            FakeControl.fail("cudnnConvolutionBackwardData", 0, 5000);
            assertThrows(CudaException.class, () -> library.choose(convolution(Direction.BACKWARD_DATA, true)));
        }
        assertNothingLeft();
    }

    public void aFailedConvolutionNamesNodeAndArguments() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            FakeControl.propose(1, 0, 512, true, FMA);
            var library = ConvolutionLibrary.create(device, stream, 1 << 20, Optional.empty());
            var spec = convolution(Direction.FORWARD, false);
            var plan = library.plan(
                    spec, Layout.NHWC, ((ConvolutionChoice.Direct) library.choose(spec)).algorithm(), "group1.0.conv1");
            FakeControl.fail("cudnnConvolutionForward", 0, 5000);
            var error = assertThrows(CudaException.class, () -> plan.run(1, 1, 2, 0, 3, 4));
            assertTrue(
                    error.getMessage()
                            .startsWith(
                                    "group1.0.conv1: cudnnConvolutionForward returned CUDNN_STATUS_EXECUTION_FAILED (5000):"
                                            + " the fake says no [convolution ConvolutionSpec[direction=FORWARD, n=2, h=9"),
                    error::getMessage);
            assertThrows(IllegalArgumentException.class, () -> plan.run(1, 1, 2, 1, 3, 4));
        }
        assertNothingLeft();
    }

    public void measurementsChooseTheFastestAlgorithmAndAreKeptOnDisk() throws IOException {
        var cache = temporary();
        var spec = convolution(Direction.BACKWARD_FILTER, true);
        var product = MatmulSpec.dense(2, 3, 5, false, true, Precision.F32);
        for (var run = 0; run < 2; run++) {
            FakeControl.reset();
            // Slower than algorithm 4, of which the heuristics think less; algorithm 5 is the fastest and refuses.
            FakeControl.propose(1, 0, 512, true, FMA);
            FakeControl.propose(4, 0, 256, false, FMA);
            FakeControl.propose(5, 0, 0, true, FMA);
            FakeControl.cost(1, 3);
            FakeControl.cost(4, 1);
            FakeControl.cost(5, 0.5);
            FakeControl.refuse(-1, 5);
            // The second of cuBLASLt's two proposals.
            FakeControl.cost(0xa1, 4);
            FakeControl.cost(0xa2, 2);
            try (var device = CudaDevice.open(0)) {
                var stream = device.stream("compute");
                var tuning = Optional.of(new Tuning(device, stream, cache, "libraries 1"));
                var convolutions = ConvolutionLibrary.create(device, stream, 1 << 20, tuning);
                var choice = (ConvolutionChoice.Direct) convolutions.choose(spec);
                assertEquals(new ConvolutionChoice.Algorithm(4, FMA, 256), choice.algorithm());
                var products = CublasLt.create(device, tuning);
                assertEquals(1024, products.plan(product, 1 << 21, "head").workspaceBytes());
                var runs = FakeControl.calls().stream()
                        .filter(c -> c.startsWith("cudnnConvolutionBackwardFilter(") || c.startsWith("cublasLtMatmul("))
                        .count();
                // Two algorithms each, run once and three times five times.
                assertEquals(run == 0 ? 2 * 2 * 16 : 0, runs, "what is known is not measured again");
                assertNotEquals(tuning.get().file(), new Tuning(device, stream, cache, "libraries 2").file());
            }
            assertNothingLeft();
        }
        try (var files = Files.list(cache.resolve("algorithms"))) {
            assertEquals(
                    List.of("Fake-GPU-40-compute-capability-90-132-multiprocessors-driver-12080-libraries-1.txt"),
                    files.map(f -> f.getFileName().toString()).toList());
        }
    }

    public void aChoiceThatTheLibraryNoLongerProposesIsMeasuredAnew() throws IOException {
        var cache = temporary();
        FakeControl.propose(1, 0, 512, true, FMA);
        var spec = convolution(Direction.FORWARD, false);
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            var tuning = new Tuning(device, stream, cache, "libraries");
            tuning.remember("cudnn NHWC " + spec, "algorithm 7 math 3");
            Files.writeString(tuning.file(), Files.readString(tuning.file()) + "a damaged line\n");
            var again = new Tuning(device, stream, cache, "libraries");
            assertEquals(Optional.of("algorithm 7 math 3"), again.known("cudnn NHWC " + spec));
            var library = ConvolutionLibrary.create(device, stream, 1 << 20, Optional.of(again));
            assertEquals(
                    1,
                    ((ConvolutionChoice.Direct) library.choose(spec))
                            .algorithm()
                            .number());
            assertEquals(Optional.of("algorithm 1 math 3"), again.known("cudnn NHWC " + spec));
            Files.writeString(again.file(), "another title\n");
            assertEquals(Optional.empty(), new Tuning(device, stream, cache, "libraries").known("cudnn NHWC " + spec));
        }
        assertNothingLeft();
    }

    public void withoutMemoryToMeasureInTheHeuristicsDecide() {
        FakeControl.propose(1, 0, 512, true, FMA);
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            var tuning = Optional.of(new Tuning(device, stream, temporary(), "libraries"));
            FakeControl.cost(0xa2, -1);
            FakeControl.fail("cuMemAlloc_v2", 0, OUT_OF_MEMORY);
            var plan = CublasLt.create(device, tuning)
                    .plan(MatmulSpec.dense(2, 3, 5, false, true, Precision.F32), 1 << 21, "head");
            assertEquals(1 << 20, plan.workspaceBytes());
            FakeControl.fail("cuMemAlloc_v2", 0, OUT_OF_MEMORY);
            var adding = ConvolutionLibrary.create(device, stream, 1 << 20, Optional.empty())
                    .choose(convolution(Direction.FORWARD, true));
            assertEquals(
                    List.of("NHWC, adding to the output: algorithm 1 could not be tried for want of memory"),
                    ((ConvolutionChoice.IntoScratch) adding).refusals());
        }
        assertNothingLeft();
    }

    /** Uses everything once. */
    private static void everything() {
        try (var device = CudaDevice.open(0);
                var arena = Arena.ofConfined()) {
            var compute = device.stream("compute");
            var copy = device.stream("copy");
            var slab = device.allocate(4096, "the slab");
            var ready = device.event(true);
            var end = device.event(true);
            var staging = new Staging(device, copy, 1024, 2);
            staging.upload(arena.allocate(2048), slab.address());
            copy.record(ready);
            compute.waitFor(ready);
            var compiler = KernelCompiler.open();
            var kernel = device.load(compiler.compile("source", "kernels", compiler.target(90)), "kernels")
                    .kernel("add_2", 50_000);
            kernel.residentBlocks(128, 0);
            var arguments = new LaunchArguments(device.arena(), 2)
                    .set(0, slab.address())
                    .set(1, 3);
            var products = CublasLt.create(device);
            var product = products.plan(
                    MatmulSpec.dense(2, 3, 5, false, true, Precision.F32).batched(2), 1 << 20, "head");
            var convolutions = ConvolutionLibrary.create(device, compute, 1 << 20, Optional.empty());
            var spec = convolution(Direction.FORWARD, false);
            var plan = library(convolutions, spec);
            var graph = compute.capture("step", () -> {
                compute.fill(slab.address(), 0, 4096);
                compute.copy(slab.address(), slab.address() + 2048, 2048);
                compute.launch(kernel, LaunchShape.row(1, 32), arguments, "add");
                product.run(compute, 1, 1, 2, 0, 3, 4);
                plan.run(1, 1, 2, 0, 3, 4);
            });
            graph.launch(compute);
            compute.record(end);
            end.synchronize();
            end.isDone();
            end.millisecondsSince(ready);
            staging.download(slab.address(), arena.allocate(100));
            compute.synchronize();
            device.synchronize();
        }
    }

    private static ConvolutionPlan library(ConvolutionLibrary convolutions, ConvolutionSpec spec) {
        var choice = convolutions.choose(spec);
        if (!(choice instanceof ConvolutionChoice.Direct direct))
            throw new Refused(choice.refusals().toString());
        return convolutions.plan(spec, Layout.NHWC, direct.algorithm(), "conv");
    }

    private static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Refused(String message) {
            super(message);
        }
    }

    /** The law of the whole layer: whichever call fails, the failure is reported with that call's name, and nothing is left behind. */
    public void whicheverCallFailsItIsNamedAndNothingIsLeft() {
        FakeControl.propose(1, 0, 512, true, FMA);
        everything();
        assertNothingLeft();
        var names = FakeControl.calls().stream()
                .map(call -> call.substring(0, call.indexOf('(')))
                .distinct()
                .toList();
        assertTrue(names.size() > 60, () -> names.size() + " calls: " + names);
        for (var name : names) {
            FakeControl.reset();
            FakeControl.propose(1, 0, 512, true, FMA);
            FakeControl.fail(name, 0, 999);
            var error = assertThrows(RuntimeException.class, FakeCudaScenarios::everything, name);
            var releases = name.contains("Destroy")
                    || name.contains("Free")
                    || name.contains("Release")
                    || name.contains("Unload");
            var text = error.getMessage();
            var destroysDescriptor = name.endsWith("Destroy") && name.startsWith("cublasLtM")
                    || name.endsWith("Descriptor") && name.contains("Destroy");
            assertTrue(
                    text.contains(destroysDescriptor ? "the destruction of a descriptor" : name),
                    () -> name + ": " + text);
            if (!releases) assertNothingLeft();
            assertFalse(FakeControl.calls().stream().anyMatch(call -> call.startsWith("BAD")), name);
        }
    }
}
