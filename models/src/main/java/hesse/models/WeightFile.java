package hesse.models;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.nn.ModelBuffer;
import hesse.nn.Parameter;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Parameters and buffers between memory and files with PyTorch's names and layouts. */
public final class WeightFile {
    private WeightFile() {}

    /**
     * Reads one tensor per parameter, strictly, and the buffers that are there, in memory layout and floating type.
     *
     * @param bufferNeeded whether buffers that the file lacks are an error
     * @throws UserException (usage) listing every missing, extra and misshapen tensor
     */
    public static Map<String, Tensor> read(
            Path file, List<Parameter> parameters, List<ModelBuffer> buffers, boolean bufferNeeded, DType dtype) {
        return fit(file, Safetensors.read(file).tensors(), parameters, buffers, bufferNeeded, dtype);
    }

    /** As {@link #read}, of tensors already read from {@code file}. */
    public static Map<String, Tensor> fit(
            Path file,
            Map<String, Tensor> stored,
            List<Parameter> parameters,
            List<ModelBuffer> buffers,
            boolean buffersNeeded,
            DType dtype) {
        var problems = new ArrayList<String>();
        var out = new LinkedHashMap<String, Tensor>();
        var known = new java.util.HashSet<String>();
        for (var p : parameters) {
            known.add(p.name());
            var t = stored.get(p.name());
            if (t == null) problems.add("missing " + p.name() + " " + p.fileShape());
            else if (fits(t, p.name(), p.fileShape(), problems))
                out.put(p.name(), p.layout().fromFile(t.to(dtype)));
        }
        for (var b : buffers) {
            known.add(b.name());
            var t = stored.get(b.name());
            boolean counts = b.dtype(dtype).isInteger();
            if (t == null && buffersNeeded && !counts) problems.add("missing " + b.name() + " " + b.shape());
            if (t != null && fits(t, b.name(), b.shape(), problems)) out.put(b.name(), t.to(b.dtype(dtype)));
        }
        for (var e : stored.entrySet()) {
            if (!known.contains(e.getKey()))
                problems.add("extra " + e.getKey() + " " + e.getValue().shape());
        }
        if (!problems.isEmpty()) {
            throw new UserException(
                    Kind.USAGE,
                    file.toString(),
                    "does not fit the model: " + String.join("; ", problems),
                    "Compare with 'hesse model describe'");
        }
        return out;
    }

    private static boolean fits(Tensor t, String name, Shape wanted, List<String> problems) {
        if (t.shape().equals(wanted)) return true;
        problems.add(name + " has shape " + t.shape() + ", the model's is " + wanted);
        return false;
    }

    /** Tensors in memory layout, by name, as they are stored; names that are no parameter's are stored as they are. */
    public static Map<String, Tensor> stored(Map<String, Tensor> values, List<Parameter> parameters) {
        var layouts = new LinkedHashMap<String, Parameter>();
        for (var p : parameters) layouts.put(p.name(), p);
        var out = new LinkedHashMap<String, Tensor>();
        values.forEach((name, t) -> {
            var p = layouts.get(name);
            out.put(name, p != null ? p.layout().toFile(t) : t);
        });
        return out;
    }
}
