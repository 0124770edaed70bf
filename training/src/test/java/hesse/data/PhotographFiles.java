package hesse.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Made-up photographs for tests of other packages. */
public final class PhotographFiles {
    private PhotographFiles() {}

    /** Class folders of JPEGs of about 100×75. */
    public static void folders(Path folder, int classes, int each) throws IOException {
        for (int k = 0; k < classes; k++) {
            var of = Files.createDirectories(folder.resolve("n%08d".formatted(k)));
            for (int i = 0; i < each; i++) {
                long seed = 1000L * k + i;
                Files.write(
                        of.resolve("%04d.JPEG".formatted(i)),
                        MadePhotos.jpeg(seed, 90 + (int) (seed % 21), 70 + (int) (seed % 11)));
            }
        }
    }

    /** The same as tar shards. */
    public static void shards(Path folder, Path to, int shards) throws IOException {
        MadePhotos.shards(folder, to, shards);
    }
}
