package hesse.models;

import hesse.nn.Parameter;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Files of GPT-2 as Hugging Face's library writes them: with names under {@code transformer.} (a model with its head), or bare (the model
 * alone, as in the published {@code gpt2}); with causal masks beside the parameters; with the tied head once more as {@code lm_head.weight}.
 */
final class GptFiles {
    private static final String PREFIX = "transformer.";
    private static final String TOKENS = PREFIX + "wte.weight";
    private static final String HEAD = "lm_head.weight";
    private static final Pattern MASK = Pattern.compile("(transformer\\.h\\.\\d+\\.attn\\.)(bias|masked_bias)");

    private GptFiles() {}

    /** Whether a model with these parameters is GPT-2. */
    static boolean isFor(List<Parameter> parameters) {
        return parameters.stream().anyMatch(p -> p.name().equals(TOKENS));
    }

    /**
     * A file's tensors under the names of the model's parameters, without what the model has of itself: masks that are causal, and a head
     * that equals the embedding of tokens. Anything else stays, for strict reading to find.
     *
     * @param problems receives what is wrong with masks and head
     */
    static Map<String, Tensor> named(Map<String, Tensor> stored, List<Parameter> parameters, List<String> problems) {
        boolean bare = stored.keySet().stream().noneMatch(n -> n.startsWith(PREFIX));
        var out = new LinkedHashMap<String, Tensor>();
        stored.forEach((name, t) -> out.put(bare && !name.equals(HEAD) ? PREFIX + name : name, t));
        out.entrySet().removeIf(e -> {
            var mask = MASK.matcher(e.getKey());
            if (!mask.matches() || !isLayer(mask.group(1), parameters)) return false;
            if (mask.group(2).equals("bias") && !isCausal(e.getValue())) {
                problems.add(e.getKey() + " of shape " + e.getValue().shape()
                        + " is no causal mask [1, 1, T, T], which is all it can be");
            }
            return true;
        });
        Tensor head = out.get(HEAD);
        Tensor tokens = out.get(TOKENS);
        if (head != null && tokens != null) {
            if (!isSame(head, tokens)) {
                problems.add(HEAD + " " + head.shape() + " differs from " + TOKENS + " " + tokens.shape()
                        + ", to which this model's head is tied");
            }
            out.remove(HEAD);
        }
        return out;
    }

    private static boolean isLayer(String attention, List<Parameter> parameters) {
        return parameters.stream().anyMatch(p -> p.name().equals(attention + "c_attn.weight"));
    }

    private static boolean isCausal(Tensor t) {
        Shape s = t.shape();
        if (s.rank() != 4 || s.dim(0) != 1 || s.dim(1) != 1 || s.dim(2) != s.dim(3)) return false;
        int n = s.dim(2);
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) if (t.get((long) i * n + j) != (j <= i ? 1 : 0)) return false;
        }
        return true;
    }

    private static boolean isSame(Tensor a, Tensor b) {
        if (!a.shape().equals(b.shape())) return false;
        for (long i = 0, n = a.size(); i < n; i++) if (a.get(i) != b.get(i)) return false;
        return true;
    }
}
