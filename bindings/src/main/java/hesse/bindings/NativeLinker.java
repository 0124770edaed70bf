package hesse.bindings;

import java.nio.file.Path;
import java.util.OptionalInt;

/** The dynamic loader: opens files, finds symbols, and says in its own words why not. */
public interface NativeLinker {
    /**
     * Opens a library and returns its file. A bare name goes through the loader's own path ({@code LD_LIBRARY_PATH}, the
     * linker's cache, the system's folders). Its functions are not seen by the generated classes: that is {@link #load}.
     *
     * @throws UnsatisfiedLinkError with the loader's text if there is none or it cannot be opened
     */
    Path open(String name);

    /**
     * Loads a file, so that the generated classes of this module see its functions.
     *
     * @throws UnsatisfiedLinkError with the loader's text if it cannot be loaded
     */
    void load(Path file);

    /** Whether a loaded library has this function. */
    boolean has(String symbol);

    /** The version that a loaded library states, as the library counts it. */
    OptionalInt version(NativeLibrary library);
}
