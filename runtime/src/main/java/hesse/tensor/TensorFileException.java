package hesse.tensor;

import hesse.error.UserException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A tensor file that is missing, truncated, corrupt, unsupported or cannot be written. */
public final class TensorFileException extends UserException {
    private final Path path;

    public TensorFileException(Path path, String what, String remedy, @Nullable Throwable cause) {
        super(Kind.RUNTIME, path.toString(), what, remedy, cause);
        this.path = path;
    }

    public TensorFileException(Path path, String what, String remedy) {
        this(path, what, remedy, null);
    }

    /** The file at fault. */
    public Path path() {
        return path;
    }
}
