package hesse.models;

import hesse.config.ActivationReader;
import hesse.config.ConfigNode;
import hesse.models.ModelConfig.Form;
import hesse.nn.Conv;
import hesse.nn.Model;
import hesse.nn.Norm;
import hesse.nn.WeightInit;
import hesse.scalar.ScalarFn;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.IntFunction;

/** Reads the {@code model} section, kind by kind. Where something is missing or wrong, a value that fits stands in for it. */
final class ModelReader {
    private static final List<String> KINDS =
            List.of("mlp", "cnn", "resnet", "wrn", "transformer", "vit", "gpt", "class");

    private final ConfigNode node;

    ModelReader(ConfigNode node) {
        this.node = node;
    }

    ModelConfig read() {
        return switch (node.choice("kind", KINDS).required()) {
            case "cnn" -> cnn();
            case "resnet" -> resnet();
            case "wrn" -> wrn();
            case "transformer" -> transformer();
            case "vit" -> vit();
            case "gpt" -> gpt();
            case "class" -> own();
            default -> mlp();
        };
    }

    private ModelConfig mlp() {
        var hidden = node.integers("hidden").atLeast(1).required();
        var norm = norm(node, "none", Norm.EPS);
        var phi = activation("gelu");
        return pictured(Form.FEATURES, k -> new Mlp(hidden, k, phi, norm), "kaiming", 2);
    }

    private ModelConfig cnn() {
        var norm = norm(node, "none", Norm.EPS);
        if (!node.has("blocks")) node.problem("lacks 'blocks', a list of tables {channels, kernel, …}");
        var blocks = node.children("blocks").stream().map(b -> block(b, norm)).toList();
        var dense = node.integers("dense").atLeast(1).or(List.of());
        var phi = activation("gelu");
        return pictured(Form.IMAGES, k -> new Cnn(blocks, dense, k, phi), "kaiming", 2);
    }

    private static Cnn.Block block(ConfigNode b, Norm ofModel) {
        int channels = required(b, "channels", 1);
        int kernel = required(b, "kernel", 1);
        int stride = b.integer("stride").atLeast(1).or(1);
        int dilation = b.integer("dilation").atLeast(1).or(1);
        int groups = b.integer("groups").atLeast(1).or(1);
        if (channels % groups != 0) {
            b.problem("groups", "should divide the " + channels + " channels, is " + groups);
            groups = 1;
        }
        int padding = padding(b, kernel, dilation);
        boolean bias = b.flag("bias").or(true);
        var norm = b.has("norm") ? norm(b, "none", ofModel.eps()) : ofModel;
        var pool = pool(b);
        var order = b.choice("order", Cnn.Order.class).or(Cnn.Order.CONV_NORM_ACT);
        return new Cnn.Block(new Conv(channels, kernel, stride, padding, dilation, groups, bias), norm, pool, order);
    }

    private static int padding(ConfigNode b, int kernel, int dilation) {
        String text = b.text("padding").or("same");
        if (text.equals("valid")) return 0;
        if (text.matches("\\d{1,4}")) return Integer.parseInt(text);
        if (!text.equals("same")) {
            b.problem("padding", "should be same, valid or a whole number, is '" + text + "'");
        } else if (kernel % 2 == 0) {
            b.problem("padding", "should be a number or 'valid': 'same' takes an odd kernel, not " + kernel);
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

    private ModelConfig resnet() {
        boolean known = node.has("depth");
        var key = node.integer("depth").oneOf(18, 34, 50, 101);
        int depth = known ? key.or(18) : 18;
        if (!known) key.required();
        var stem = node.choice("stem", ResNet.Stem.class).or(ResNet.Stem.IMAGENET);
        var norm = norm(node, "batch", Norm.EPS);
        var phi = activation("gelu");
        return pictured(Form.IMAGES, k -> new ResNet(depth, stem, k, phi, norm), "kaiming", 2);
    }

    private ModelConfig wrn() {
        int given = required(node, "depth", 10);
        boolean fits = given >= 10 && given % 6 == 4;
        if (!fits) {
            node.problem("depth", "should be 6·b + 4 for b blocks in a group, 10, 16, 22, 28, …, is " + given);
        }
        int depth = fits ? given : 10;
        int width = required(node, "width", 1);
        double dropout = node.number("dropout").atLeast(0).below(1).or(0.0);
        var norm = norm(node, "batch", Norm.EPS);
        var phi = activation("gelu");
        return pictured(Form.IMAGES, k -> new WideResNet(depth, width, dropout, k, phi, norm), "kaiming", 2);
    }

    private ModelConfig transformer() {
        int context = required(node, "context", 1);
        int layers = required(node, "layers", 1);
        int heads = required(node, "heads", 1);
        int keySize = required(node, "key_size", 1);
        int width = required(node, "width", 1);
        int ratio = node.integer("mlp_ratio").atLeast(1).or(4);
        boolean causal = node.flag("causal").or(true);
        var norm = norm(node, "layer", Norm.EPS);
        var phi = activation("gelu_tanh");
        return worded(
                context,
                k -> new Transformer(k, context, layers, heads, keySize, width, ratio, causal, phi, norm),
                "variance_scaling",
                2.0 / layers);
    }

    private ModelConfig gpt() {
        int context = required(node, "context", 1);
        int layers = required(node, "layers", 1);
        int heads = required(node, "heads", 1);
        int width = divided(required(node, "width", heads), heads);
        var norm = norm(node, "layer", Norm.EPS);
        var phi = activation("gelu_tanh");
        return worded(context, k -> new Gpt(k, context, layers, heads, width, phi, norm), "normal", 2.0 / layers);
    }

    private ModelConfig vit() {
        int patch = required(node, "patch", 1);
        boolean sized = node.has("size") || !node.has("width");
        int heads =
                sized ? (node.choice("size", "s", "b").required().equals("s") ? 6 : 12) : required(node, "heads", 1);
        int layers = sized ? 12 : required(node, "layers", 1);
        int width = sized ? 64 * heads : divided(required(node, "width", heads), heads);
        var norm = norm(node, "layer", VisionTransformer.EPS);
        var phi = activation("gelu");
        return pictured(
                Form.IMAGES,
                k -> new VisionTransformer(patch, layers, heads, width, k, phi, norm),
                "normal",
                2.0 / layers);
    }

    /** A model that the user wrote. */
    private ModelConfig own() {
        var name = node.text("class").required();
        var classpath = node.files("classpath").or(List.of());
        Optional<Inputs> inputs;
        if (node.hasList("inputs")) inputs = images();
        else {
            inputs = node.integer("inputs").atLeast(1).optional().map(Inputs.Features::new);
            var context = node.integer("context").atLeast(1).optional().map(Inputs.Tokens::new);
            if (inputs.isEmpty() && context.isPresent()) inputs = Optional.of(context.get());
        }
        return new ModelConfig(
                Form.ANY,
                inputs,
                optional("classes"),
                node.file("weights").optional(),
                node.origin(),
                k -> ModelClass.load(name, classpath, k));
    }

    private int divided(int width, int heads) {
        if (width % heads == 0) return width;
        node.problem("width", "should be a multiple of the " + heads + " heads, is " + width);
        return heads;
    }

    /** The keys that all models on vectors and images share. */
    private ModelConfig pictured(Form form, IntFunction<Model> maker, String init, double scale) {
        Optional<Inputs> inputs = Optional.empty();
        if (node.hasList("inputs")) {
            inputs = images();
        } else if (form == Form.FEATURES) {
            inputs = node.integer("inputs").atLeast(1).optional().map(Inputs.Features::new);
        } else {
            node.integers("inputs").optional();
        }
        return config(form, inputs, optional("classes"), maker, init, scale);
    }

    /** A list of extents. */
    private Optional<Inputs> images() {
        var dims = node.integers("inputs").atLeast(1).or(List.of(1, 1, 1));
        if (dims.size() == 3) return Optional.of(new Inputs.Images(dims.get(0), dims.get(1), dims.get(2)));
        node.problem("inputs", "should be [channels, height, width], is " + dims);
        return Optional.empty();
    }

    /** The keys that all models on tokens share. */
    private ModelConfig worded(int context, IntFunction<Model> maker, String init, double scale) {
        return config(Form.TOKENS, Optional.of(new Inputs.Tokens(context)), optional("vocab"), maker, init, scale);
    }

    /** @param scale of {@code variance_scaling}: 2 over the number of blocks whose outputs are summed */
    private ModelConfig config(
            Form form,
            Optional<Inputs> inputs,
            OptionalInt classes,
            IntFunction<Model> maker,
            String init,
            double scale) {
        WeightInit weights = switch (node.choice("init", "kaiming", "glorot", "variance_scaling", "normal")
                .or(init)) {
            case "glorot" -> new WeightInit.Glorot();
            case "variance_scaling" -> new WeightInit.VarianceScaling(scale);
            case "normal" -> new WeightInit.Normal(0.02);
            default -> new WeightInit.Kaiming();
        };
        IntFunction<Model> initialized = k -> {
            Model model = maker.apply(k);
            return (f, x) -> model.apply(f.initialized(weights), x);
        };
        return new ModelConfig(form, inputs, classes, node.file("weights").optional(), node.origin(), initialized);
    }

    private ScalarFn activation(String fallback) {
        return ActivationReader.read(node, "activation", fallback);
    }

    /** The keys {@code norm} (a name, or {@code {kind: group, groups: 8}}) and {@code norm_eps} of a model or block. */
    private static Norm norm(ConfigNode node, String fallback, double eps) {
        var norm = node.variant("norm", fallback);
        var chosen = switch (norm.choice("kind", Norm.Kind.class).required()) {
            case NONE -> Norm.none();
            case BATCH -> Norm.batch();
            case LAYER -> Norm.layer();
            case GROUP -> Norm.group(norm.integer("groups").atLeast(1).or(8));
            case RMS -> Norm.rms();
        };
        return chosen.withEps(node.number("norm_eps").above(0).or(eps));
    }

    private OptionalInt optional(String key) {
        var value = node.integer(key).atLeast(1).optional();
        return value.isPresent() ? OptionalInt.of(value.get()) : OptionalInt.empty();
    }

    /** A whole number ≥ 1 that has to be there; where it is not or is wrong, one to go on with. */
    private static int required(ConfigNode node, String key, int standIn) {
        if (node.has(key)) return node.integer(key).atLeast(1).or(standIn);
        node.integer(key).atLeast(1).required();
        return standIn;
    }
}
