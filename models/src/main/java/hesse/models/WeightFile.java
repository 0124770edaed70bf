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
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Parameters and buffers between memory and files with PyTorch's names and layouts. */
public final class WeightFile {
    /** Metadata without which Hugging Face's library refuses a file. */
    public static final Map<String, String> METADATA = Map.of("format", "pt");

    private WeightFile() {}

    /**
     * Reads one tensor per parameter, strictly, and the buffers that are there, in memory layout and floating type.
     *
     * @param bufferNeeded whether buffers that the file lacks are an error
     * @throws UserException (usage) listing every tensor that is missing, extra, misshapen or of another kind of element
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
        if (GptFiles.isFor(parameters)) stored = GptFiles.named(stored, parameters, problems);
        var out = new LinkedHashMap<String, Tensor>();
        var known = new HashSet<String>();
        for (var p : parameters) {
            known.add(p.name());
            var t = stored.get(p.name());
            if (t == null) problems.add("missing " + p.name() + " " + p.fileShape());
            else if (fits(t, p.name(), p.fileShape(), dtype, problems))
                out.put(p.name(), p.layout().fromFile(t.to(dtype)));
        }
        for (var b : buffers) {
            known.add(b.name());
            var t = stored.get(b.name());
            boolean counts = b.dtype(dtype).isInteger();
            if (t == null && buffersNeeded && !counts) problems.add("missing " + b.name() + " " + b.shape());
            if (t != null && fits(t, b.name(), b.shape(), b.dtype(dtype), problems))
                out.put(b.name(), t.to(b.dtype(dtype)));
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

    private static boolean fits(Tensor t, String name, Shape wanted, DType dtype, List<String> problems) {
        if (!t.shape().equals(wanted)) {
            problems.add(name + " has shape " + t.shape() + ", the model's is " + wanted);
        } else if (t.dtype().isFloat() != dtype.isFloat()) {
            String kind = dtype.isFloat() ? "floating-point" : "whole";
            problems.add(name + " " + t.shape() + " holds " + t.dtype() + ", the model takes " + kind + " numbers");
        } else {
            return true;
        }
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
