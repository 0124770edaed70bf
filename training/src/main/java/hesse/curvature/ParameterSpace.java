package hesse.curvature;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.nn.Parameter;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The vectors that an operator acts on: the tensors of some parameters one after the other, each row-major in memory layout, as one
 * {@code double[]}. The other parameters stand still.
 */
public final class ParameterSpace {
    private final List<Parameter> parameters;
    private final int[] offsets;

    /** @throws IllegalArgumentException if there is none, or there are too many numbers for one array */
    public ParameterSpace(List<Parameter> parameters) {
        if (parameters.isEmpty()) throw new IllegalArgumentException("a space of no parameters");
        this.parameters = List.copyOf(parameters);
        this.offsets = new int[parameters.size() + 1];
        for (int i = 0; i < parameters.size(); i++) {
            offsets[i + 1] = Math.addExact(
                    offsets[i], Math.toIntExact(parameters.get(i).shape().size()));
        }
    }

    /**
     * Those whose full name matches a pattern, in which {@code *} stands for any characters, {@code ?} for one, and commas separate
     * alternatives.
     *
     * @throws UserException (usage) if none does, naming all
     */
    public static ParameterSpace matching(List<Parameter> all, String glob) {
        var chosen = all.stream()
                .filter(p -> {
                    for (String one : glob.split(","))
                        if (pattern(one.strip()).matcher(p.name()).matches()) return true;
                    return false;
                })
                .toList();
        if (chosen.isEmpty()) {
            throw new UserException(
                    Kind.USAGE,
                    "parameters '" + glob + "'",
                    "no parameter has such a name",
                    "There are "
                            + String.join(
                                    ", ", all.stream().map(Parameter::name).toList()));
        }
        return new ParameterSpace(chosen);
    }

    private static Pattern pattern(String glob) {
        var regex = new StringBuilder();
        for (char c : glob.toCharArray()) {
            regex.append(
                    switch (c) {
                        case '*' -> ".*";
                        case '?' -> ".";
                        default -> Pattern.quote(String.valueOf(c));
                    });
        }
        return Pattern.compile(regex.toString());
    }

    public List<Parameter> parameters() {
        return parameters;
    }

    /** Length of a vector. */
    public int size() {
        return offsets[parameters.size()];
    }

    /** Where a parameter's numbers begin. */
    public int offset(int parameter) {
        return offsets[parameter];
    }

    /** One parameter's part of a vector as a tensor in memory layout. */
    public Tensor part(double[] vector, int parameter, DType dtype) {
        check(vector);
        var t = Tensor.allocate(dtype, parameters.get(parameter).shape());
        toSegment(vector, offsets[parameter], t);
        return t;
    }

    /** A vector by parameter names, in the files' layout. */
    public Map<String, Tensor> stored(double[] vector, DType dtype) {
        var out = new LinkedHashMap<String, Tensor>();
        for (int i = 0; i < parameters.size(); i++) {
            var p = parameters.get(i);
            out.put(p.name(), p.layout().toFile(part(vector, i, dtype)));
        }
        return out;
    }

    /**
     * The vector of tensors in the files' layout; others among them are ignored.
     *
     * @throws IllegalArgumentException if one is missing or has another shape
     */
    public double[] fromStored(Map<String, Tensor> tensors) {
        var named = new LinkedHashMap<String, Tensor>();
        for (var p : parameters) {
            var t = tensors.get(p.name());
            if (t == null || !t.shape().equals(p.fileShape())) {
                throw new IllegalArgumentException(p.name() + " of shape " + p.fileShape() + " is needed, got "
                        + (t == null ? "none" : t.shape()));
            }
            named.put(p.name(), p.layout().fromFile(t));
        }
        return flat(named);
    }

    /** The vector of tensors in memory layout. */
    public double[] flat(Map<String, Tensor> tensors) {
        double[] out = new double[size()];
        for (int i = 0; i < parameters.size(); i++) {
            var t = tensors.get(parameters.get(i).name());
            if (t == null)
                throw new IllegalArgumentException("lacks " + parameters.get(i).name());
            add(1, t, out, offsets[i]);
        }
        return out;
    }

    private void check(double[] vector) {
        if (vector.length != size()) {
            throw new IllegalArgumentException("a vector has " + size() + " elements here, got " + vector.length);
        }
    }

    /** Copies as many numbers as the tensor holds from {@code offset} on. */
    static void toSegment(double[] from, int offset, Tensor to) {
        int n = Math.toIntExact(to.size());
        if (to.dtype() == DType.F64) {
            MemorySegment.copy(from, offset, to.data(), ValueLayout.JAVA_DOUBLE_UNALIGNED, 0, n);
        } else {
            for (int i = 0; i < n; i++) to.set(i, from[offset + i]);
        }
    }

    /** into += weight · tensor, from {@code offset} on. */
    static void add(double weight, Tensor t, double[] into, int offset) {
        int n = Math.toIntExact(t.size());
        switch (t.dtype()) {
            case F64 -> {
                for (int i = 0; i < n; i++)
                    into[offset + i] += weight * t.data().getAtIndex(Tensor.F64, i);
            }
            case F32 -> {
                for (int i = 0; i < n; i++)
                    into[offset + i] += weight * t.data().getAtIndex(Tensor.F32, i);
            }
            default -> {
                for (int i = 0; i < n; i++) into[offset + i] += weight * t.get(i);
            }
        }
    }

    /** The names, for messages. */
    @Override
    public String toString() {
        var names = new ArrayList<String>();
        for (var p : parameters) names.add(p.name());
        return names.toString();
    }
}
