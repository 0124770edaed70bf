package hesse.models;

import hesse.config.ConfigNode;
import hesse.nn.Conv;
import hesse.nn.Model;
import hesse.nn.Norm;
import hesse.nn.WeightInit;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Builds the model that the {@code model} section of a configuration describes. Problems are noted in the section, not thrown. */
public final class ModelFactory {
    private static final List<String> KINDS = List.of("mlp", "cnn", "resnet", "wrn", "transformer", "vit", "gpt");

    private final ConfigNode node;
    private final Optional<Inputs> data;
    private final OptionalInt dataClasses;

    private ModelFactory(ConfigNode node, Optional<Inputs> data, OptionalInt dataClasses) {
        this.node = node;
        this.data = data;
        this.dataClasses = dataClasses;
    }

    /**
     * @param node the {@code model} section
     * @param inputs what the data set's examples are, where there is one and the section does not say
     * @param classes how many classes (or tokens) the data set has
     */
    public static ConfiguredModel of(ConfigNode node, Optional<Inputs> inputs, OptionalInt classes) {
        return new ModelFactory(node, inputs, classes).build();
    }

    private ConfiguredModel build() {
        return switch (node.choice("kind", KINDS).required()) {
            case "cnn" -> cnn();
            case "resnet" -> resnet();
            case "wrn" -> wrn();
            case "transformer" -> transformer();
            case "vit" -> vit();
            case "gpt" -> gpt();
            default -> mlp();
        };
    }

    private ConfiguredModel mlp() {
        var inputs = inputs(false);
        int classes = classes("classes");
        var hidden = node.integers("hidden").atLeast(1).required();
        return configured(new Mlp(hidden, classes, activation("gelu")), inputs, classes, "kaiming");
    }

    private ConfiguredModel cnn() {
        var inputs = inputs(true);
        int classes = classes("classes");
        var norm = NormConfig.read(node, "none");
        if (!node.has("blocks")) node.problem("lacks 'blocks', a list of tables");
        var blocks = node.children("blocks").stream().map(b -> block(b, norm)).toList();
        var dense = node.integers("dense").atLeast(1).or(List.of());
        return configured(new Cnn(blocks, dense, classes, activation("gelu")), inputs, classes, "kaiming");
    }

    private static Cnn.Block block(ConfigNode b, Norm modelNorm) {
        int channels = required(b, "channels", 1);
        int kernel = required(b, "kernel", 1);
        int stride = b.integer("stride").atLeast(1).or(1);
        int dilation = b.integer("dilation").atLeast(1).or(1);
        int groups = b.integer("groups").atLeast(1).or(1);
        if (channels % groups != 0) {
            b.problem("groups", "does not divide the " + channels + " channels");
            groups = 1;
        }
        int padding = padding(b, kernel, dilation);
        boolean bias = b.flag("bias").or(true);
        var norm = b.has("norm") ? NormConfig.read(b, "none", modelNorm.eps()) : modelNorm;
        var order = b.choice("order", "conv_norm_act", "conv_act_norm").or("conv_norm_act");
        return new Cnn.Block(
                new Conv(channels, kernel, stride, padding, dilation, groups, bias),
                norm,
                pool(b),
                order.equals("conv_norm_act") ? Cnn.Order.CONV_NORM_ACT : Cnn.Order.CONV_ACT_NORM);
    }

    private static int padding(ConfigNode b, int kernel, int dilation) {
        String text = b.text("padding").or("same");
        if (text.equals("valid")) return 0;
        if (text.matches("\\d{1,4}")) return Integer.parseInt(text);
        if (!text.equals("same")) {
            b.problem("padding", "should be same, valid or a whole number, is '" + text + "'");
        } else if (kernel % 2 == 0) {
            b.problem("padding", "'same' takes an odd kernel, not " + kernel + "; give it as a number or 'valid'");
        } else {
            return Conv.same(kernel, dilation);
        }
        return kernel;
    }

    private static Cnn.Pool pool(ConfigNode b) {
        String text = b.text("pool").or("none").replace('-', '_');
        if (text.equals("none")) return Cnn.Pool.NONE;
        if (text.equals("global_avg")) return Cnn.Pool.GLOBAL_AVG;
        if (text.matches("(max|avg)[1-9]\\d{0,3}")) {
            int size = Integer.parseInt(text.substring(3));
            return text.startsWith("max") ? Cnn.Pool.max(size) : Cnn.Pool.avg(size);
        }
        b.problem("pool", "should be none, max2, max3, …, avg2, avg3, … or global_avg, is '" + text + "'");
        return Cnn.Pool.NONE;
    }

    private ConfiguredModel resnet() {
        var inputs = inputs(true);
        int classes = classes("classes");
        if (!node.has("depth")) node.integer("depth").oneOf(18, 34, 50, 101).required();
        int depth = node.integer("depth").oneOf(18, 34, 50, 101).or(18);
        var stem = node.choice("stem", "imagenet", "cifar").or("imagenet");
        var model = new ResNet(
                depth,
                stem.equals("cifar") ? ResNet.Stem.CIFAR : ResNet.Stem.IMAGENET,
                classes,
                activation("gelu"),
                NormConfig.read(node, "batch"));
        return configured(model, inputs, classes, "kaiming");
    }

    private ConfiguredModel wrn() {
        var inputs = inputs(true);
        int classes = classes("classes");
        int depth = required(node, "depth", 10);
        if (depth < 10 || depth % 6 != 4) {
            node.problem("depth", "should be 6·b + 4 for b blocks a group: 10, 16, 22, 28, …, is " + depth);
            depth = 10;
        }
        int width = required(node, "width", 1);
        double dropout = node.number("dropout").atLeast(0).below(1).or(0.0);
        var norm = NormConfig.read(node, "batch");
        var model = new WideResNet(depth, width, dropout, classes, activation("gelu"), norm);
        return configured(model, inputs, classes, "kaiming");
    }

    private ConfiguredModel transformer() {
        int vocab = classes("vocab");
        int context = context();
        int layers = required(node, "layers", 1);
        var model = new Transformer(
                vocab,
                context,
                layers,
                required(node, "heads", 1),
                required(node, "key_size", 1),
                required(node, "width", 1),
                node.integer("mlp_ratio").atLeast(1).or(4),
                node.flag("causal").or(true),
                activation("gelu_tanh"),
                NormConfig.read(node, "layer"));
        return configured(model, new Inputs.Tokens(context), vocab, "variance_scaling", 2.0 / layers);
    }

    private ConfiguredModel gpt() {
        int vocab = classes("vocab");
        int context = context();
        int layers = required(node, "layers", 1);
        int heads = required(node, "heads", 1);
        int width = divided(required(node, "width", 1), heads);
        var model =
                new Gpt(vocab, context, layers, heads, width, activation("gelu_tanh"), NormConfig.read(node, "layer"));
        return configured(model, new Inputs.Tokens(context), vocab, "normal", 2.0 / layers);
    }

    private ConfiguredModel vit() {
        var inputs = inputs(true);
        int classes = classes("classes");
        int patch = required(node, "patch", 1);
        int layers = 12;
        int heads;
        int width;
        if (node.has("size") || !node.has("width")) {
            boolean small = node.choice("size", "s", "b").required().equals("s");
            heads = small ? 6 : 12;
            width = 64 * heads;
        } else {
            layers = required(node, "layers", 1);
            heads = required(node, "heads", 1);
            width = divided(required(node, "width", 1), heads);
        }
        var norm = NormConfig.read(node, "layer", VisionTransformer.EPS);
        var model = new VisionTransformer(patch, layers, heads, width, classes, activation("gelu"), norm);
        return configured(model, inputs, classes, "normal", 2.0 / layers);
    }

    private int divided(int width, int heads) {
        if (width % heads == 0) return width;
        node.problem("width", "should be a multiple of the " + heads + " heads, is " + width);
        return heads;
    }

    private ConfiguredModel configured(Model model, Inputs inputs, int classes, String init) {
        return configured(model, inputs, classes, init, 2);
    }

    /** @param scale of {@code variance_scaling}: 2 over the number of blocks in a row where they are summed */
    private ConfiguredModel configured(Model model, Inputs inputs, int classes, String init, double scale) {
        WeightInit weights = switch (node.choice("init", "kaiming", "glorot", "variance_scaling", "normal")
                .or(init)) {
            case "glorot" -> new WeightInit.Glorot();
            case "variance_scaling" -> new WeightInit.VarianceScaling(scale);
            case "normal" -> new WeightInit.Normal(0.02);
            default -> new WeightInit.Kaiming();
        };
        return new ConfiguredModel(
                (f, x) -> model.apply(f.initialized(weights), x),
                inputs,
                classes,
                node.file("weights").optional());
    }

    private hesse.scalar.ScalarFn activation(String fallback) {
        return ActivationConfig.read(node, fallback);
    }

    /** The key {@code inputs}: a number of features or [channels, height, width]. */
    private Inputs inputs(boolean images) {
        Inputs standIn = images ? new Inputs.Images(1, 1, 1) : new Inputs.Features(1);
        String wanted = images ? "[channels, height, width]" : "a number of features or [channels, height, width]";
        if (!node.has("inputs") && data.isEmpty()) {
            node.problem("lacks 'inputs', " + wanted + ", which no data set gives");
            node.integers("inputs").optional();
            return standIn;
        }
        Inputs found;
        if (node.hasNumber("inputs")) {
            found = new Inputs.Features(node.integer("inputs").atLeast(1).or(1));
        } else if (node.has("inputs")) {
            var dims = node.integers("inputs").atLeast(1).or(List.of(1, 1, 1));
            if (dims.size() != 3) {
                node.problem("inputs", "should be " + wanted + ", is " + dims);
                return standIn;
            }
            found = new Inputs.Images(dims.get(0), dims.get(1), dims.get(2));
        } else {
            found = data.get();
            switch (found) {
                case Inputs.Features f -> node.integer("inputs").or(f.size());
                case Inputs.Images i -> node.integers("inputs").or(List.of(i.channels(), i.height(), i.width()));
                case Inputs.Tokens t -> {}
            }
        }
        boolean fits = images ? found instanceof Inputs.Images : !(found instanceof Inputs.Tokens);
        if (!fits) {
            node.problem(
                    "inputs",
                    "should be " + wanted + " for this kind of model; the data's examples have shape "
                            + found.fileShape(1));
            return standIn;
        }
        // a perceptron flattens: a plain number names the size of the data's images
        if (found instanceof Inputs.Features f
                && data.isPresent()
                && data.get() instanceof Inputs.Images i
                && i.shape(1).size() == f.size()) {
            return i;
        }
        return found;
    }

    private int context() {
        if (!node.has("context") && data.isPresent() && data.get() instanceof Inputs.Tokens t) {
            return node.integer("context").or(t.length());
        }
        return required(node, "context", 1);
    }

    /** A number that the data set gives unless the section does. */
    private int classes(String key) {
        return dataClasses.isPresent()
                ? node.integer(key).atLeast(1).or(dataClasses.getAsInt())
                : required(node, key, 1);
    }

    /** A whole number ≥ 1 that has to be there; where it is not or is wrong, one to go on with. */
    private static int required(ConfigNode node, String key, int standIn) {
        if (node.has(key)) return node.integer(key).atLeast(1).or(standIn);
        node.integer(key).atLeast(1).required();
        return standIn;
    }
}
