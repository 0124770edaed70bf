package hesse.nn;

import hesse.graph.ShapeException;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** How a parameter in memory relates to the same parameter in a file, which has PyTorch's layout: a reordering of axes. */
public sealed interface FileLayout {
    /** Memory and file agree. */
    FileLayout SAME = new Same();

    /** Filters [K, R, S, C] in memory, [K, C, R, S] in files. */
    FileLayout CONV = new Conv();

    /** A matrix [out, in] in memory, [in, out] in files. */
    FileLayout TRANSPOSED = new Transposed();

    /**
     * The matrix of a linear layer on flattened images: its columns run over H, W, C in memory and over C, H, W in files.
     *
     * @return {@link #SAME} where the two orders agree
     */
    static FileLayout flattenedChw(int channels, int height, int width) {
        return channels == 1 || (long) height * width == 1 ? SAME : new FlattenedChw(channels, height, width);
    }

    /** The shape in files of a parameter of this shape in memory. */
    Shape fileShape(Shape memory);

    /** A parameter as it is stored; shares the data where nothing moves. */
    Tensor toFile(Tensor memory);

    /** The inverse of {@link #toFile}. */
    Tensor fromFile(Tensor file);

    /** See {@link #SAME}. */
    record Same() implements FileLayout {
        @Override
        public Shape fileShape(Shape memory) {
            return memory;
        }

        @Override
        public Tensor toFile(Tensor memory) {
            return memory;
        }

        @Override
        public Tensor fromFile(Tensor file) {
            return file;
        }
    }

    /** See {@link #CONV}. */
    record Conv() implements FileLayout {
        @Override
        public Shape fileShape(Shape memory) {
            return permuted(rank(memory, 4), 0, 3, 1, 2);
        }

        @Override
        public Tensor toFile(Tensor memory) {
            return permute(memory, rank(memory.shape(), 4), 0, 3, 1, 2);
        }

        @Override
        public Tensor fromFile(Tensor file) {
            return permute(file, rank(file.shape(), 4), 0, 2, 3, 1);
        }
    }

    /** See {@link #TRANSPOSED}. */
    record Transposed() implements FileLayout {
        @Override
        public Shape fileShape(Shape memory) {
            return permuted(rank(memory, 2), 1, 0);
        }

        @Override
        public Tensor toFile(Tensor memory) {
            return permute(memory, rank(memory.shape(), 2), 1, 0);
        }

        @Override
        public Tensor fromFile(Tensor file) {
            return toFile(file);
        }
    }

    /** See {@link #flattenedChw}. */
    record FlattenedChw(int channels, int height, int width) implements FileLayout {
        @Override
        public Shape fileShape(Shape memory) {
            return check(memory);
        }

        @Override
        public Tensor toFile(Tensor memory) {
            Shape split = Shape.of(check(memory.shape()).dim(0), height, width, channels);
            return permute(memory, split, 0, 3, 1, 2).reshape(memory.shape());
        }

        @Override
        public Tensor fromFile(Tensor file) {
            Shape split = Shape.of(check(file.shape()).dim(0), channels, height, width);
            return permute(file, split, 0, 2, 3, 1).reshape(file.shape());
        }

        private Shape check(Shape s) {
            if (rank(s, 2).dim(1) != (long) channels * height * width) {
                throw new ShapeException("a matrix of shape " + s + " has no columns of " + channels + "×" + height
                        + "×" + width + " (channels, height, width)");
            }
            return s;
        }
    }

    private static Shape rank(Shape s, int rank) {
        if (s.rank() != rank) throw new ShapeException("a layout of " + rank + " axes does not fit shape " + s);
        return s;
    }

    private static Shape permuted(Shape s, int... permutation) {
        return Shape.of(Arrays.stream(permutation).map(s::dim).toArray());
    }

    /** Axis i of the result is axis {@code permutation[i]} of x seen under the shape {@code from}. */
    private static Tensor permute(Tensor x, Shape from, int... permutation) {
        int rank = from.rank();
        long[] strides = new long[rank];
        long stride = 1;
        for (int i = rank - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= from.dim(i);
        }
        Shape to = permuted(from, permutation);
        Tensor out = Tensor.allocate(x.dtype(), to);
        int bytes = x.dtype().bytes();
        int last = rank - 1;
        long row = to.dim(last);
        int[] at = new int[rank];
        long source = 0;
        for (long i = 0, n = to.size(); i < n; i += row) {
            copy(bytes, row, x.data(), source, strides[permutation[last]], out.data(), i);
            for (int a = last - 1; a >= 0; a--) {
                long step = strides[permutation[a]];
                source += step;
                if (++at[a] < to.dim(a)) break;
                source -= step * to.dim(a);
                at[a] = 0;
            }
        }
        return out;
    }

    /** Elements that lie {@code step} apart, to where they lie side by side; by their width, whatever they mean. */
    private static void copy(
            int bytes, long count, MemorySegment from, long source, long step, MemorySegment to, long target) {
        switch (bytes) {
            case 8 -> {
                for (long i = 0; i < count; i++)
                    to.setAtIndex(Tensor.I64, target + i, from.getAtIndex(Tensor.I64, source + i * step));
            }
            case 4 -> {
                for (long i = 0; i < count; i++)
                    to.setAtIndex(Tensor.I32, target + i, from.getAtIndex(Tensor.I32, source + i * step));
            }
            default -> {
                for (long i = 0; i < count; i++)
                    MemorySegment.copy(from, (source + i * step) * bytes, to, (target + i) * bytes, bytes);
            }
        }
    }
}
