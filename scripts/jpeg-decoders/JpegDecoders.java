import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.ByteArrayInputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.opencv.global.opencv_core;
import org.bytedeco.opencv.global.opencv_imgcodecs;
import org.bytedeco.opencv.opencv_core.Mat;

/** Times JPEG decoders on the files of a folder: arguments DIR and, if wanted, the file of libturbojpeg. */
public class JpegDecoders {
    interface Decoder {
        int decode(byte[] jpeg) throws Exception;
    }

    private static void time(String name, List<byte[]> files, Decoder decoder) throws Exception {
        var thread = ManagementFactory.getThreadMXBean();
        long sum = 0;
        double best = Double.MAX_VALUE;
        for (int round = 0; round < 9; round++) {
            long began = thread.getCurrentThreadCpuTime();
            for (var file : files) sum += decoder.decode(file);
            double ms = (thread.getCurrentThreadCpuTime() - began) / 1e6 / files.size();
            if (round >= 3) best = Math.min(best, ms);
        }
        System.out.printf("%-44s %6.2f ms %6.0f images/s (%d)%n", name, best, 1000 / best, sum % 10);
    }

    public static void main(String[] arguments) throws Exception {
        ImageIO.setUseCache(false);
        var files = new ArrayList<byte[]>();
        try (var all = Files.walk(Path.of(arguments[0]))) {
            for (var p : all.filter(Files::isRegularFile).sorted().limit(100).toList()) files.add(Files.readAllBytes(p));
        }
        System.out.printf(
                "%d files, %.0f bytes on the average%n", files.size(), files.stream().mapToInt(f -> f.length).average().orElse(0));

        var readers = new ArrayList<ImageReader>();
        ImageIO.getImageReadersByFormatName("jpeg").forEachRemaining(readers::add);
        for (var r : readers) {
            var name = r.getClass().getName().startsWith("com.sun") ? "JDK" : "TwelveMonkeys";
            time(name + ", image", files, j -> {
                r.setInput(new MemoryCacheImageInputStream(new ByteArrayInputStream(j)), true, true);
                return r.read(0).getHeight();
            });
            time(name + ", raster without colours", files, j -> {
                r.setInput(new MemoryCacheImageInputStream(new ByteArrayInputStream(j)), true, true);
                return r.readRaster(0, null).getHeight();
            });
        }
        try {
            time("OpenCV (libjpeg-turbo inside)", files, j -> {
                try (var in = new BytePointer(j);
                        var mat = new Mat(1, j.length, opencv_core.CV_8U, in);
                        var out = opencv_imgcodecs.imdecode(mat, opencv_imgcodecs.IMREAD_COLOR)) {
                    return out.rows();
                }
            });
        } catch (UnsatisfiedLinkError e) {
            System.out.println("OpenCV does not load: " + e.getMessage());
        }
        if (arguments.length > 1) turbo(files, Path.of(arguments[1]));
    }

    private static void turbo(List<byte[]> files, Path library) throws Exception {
        var linker = Linker.nativeLinker();
        var lookup = SymbolLookup.libraryLookup(library, Arena.global());
        var init = linker.downcallHandle(lookup.findOrThrow("tjInitDecompress"), FunctionDescriptor.of(ADDRESS));
        var decompress = linker.downcallHandle(
                lookup.findOrThrow("tjDecompress2"),
                FunctionDescriptor.of(
                        JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
        try {
            var handle = (MemorySegment) init.invokeExact();
            var in = Arena.global().allocate(1 << 22);
            var out = Arena.global().allocate(500 * 375 * 3);
            time("libjpeg-turbo through FFM", files, j -> {
                MemorySegment.copy(j, 0, in, JAVA_BYTE, 0, j.length);
                try {
                    return (int) decompress.invokeExact(handle, in, (long) j.length, out, 500, 0, 375, 0, 0);
                } catch (Throwable e) {
                    throw new IllegalStateException(e);
                }
            });
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
