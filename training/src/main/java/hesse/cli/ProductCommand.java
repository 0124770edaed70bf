package hesse.cli;

import hesse.config.ConfigException;
import hesse.config.Names;
import hesse.error.UserException;
import hesse.nn.Mode;
import hesse.run.Agreement;
import hesse.run.Config;
import hesse.run.Console;
import hesse.run.Products;
import hesse.sharpness.Method;
import hesse.sharpness.MethodConfig;
import hesse.tensor.Safetensors;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code hesse product}: exact derivative products of a network at given weights on a given batch. */
@CommandLine.Command(
        name = "product",
        description = "Computes exact derivative products of a network at given weights on a given batch.",
        footer = {
            "",
            "Examples:",
            "  hesse product --config C.yaml --weights W.safetensors --batch B.safetensors --out O.safetensors",
            "  hesse product --config C.yaml --weights W.safetensors --batch B.safetensors \\",
            "      --compute loss,hvp --method psam --rho 0.1 --precision f64 --out O.safetensors"
        })
public final class ProductCommand implements Command {
    private static final String UPDATE = "update";

    @Option(
            names = "--config",
            required = true,
            paramLabel = "C",
            description = "A preset's name or a YAML file with model and loss.")
    String source = "";

    @Option(names = "--weights", required = true, paramLabel = "W", description = "Parameters, safetensors.")
    Path weights = Path.of("");

    @Option(names = "--batch", required = true, paramLabel = "B", description = "Tensors x and y, safetensors.")
    Path batch = Path.of("");

    @Option(
            names = "--vector",
            paramLabel = "V",
            description = "The vector v, a tensor per parameter; drawn from --seed by default.")
    @Nullable
    Path vector;

    @Option(
            names = "--compute",
            paramLabel = "LIST",
            split = ",",
            description =
                    "Some of loss, logits, jvp, gradient, hvp, gnvp, nmevp, nme_act_vp, nme_rest_vp, grad_vhv, grad_vgv, vhv, vgv, vnv, update. Default: all.")
    List<String> compute = new ArrayList<>();

    @Option(
            names = "--mode",
            defaultValue = "train",
            paramLabel = "M",
            description = "train (statistics of the batch, default) or eval.")
    Mode mode = Mode.TRAIN;

    @Option(names = "--seed", paramLabel = "N", description = "Keys everything that is drawn; train.seed by default.")
    @Nullable
    Long seed;

    @Option(names = "--out", required = true, paramLabel = "O", description = "Where the results go, safetensors.")
    Path out = Path.of("");

    @Option(names = "--json", description = "Print the scalars as JSON.")
    boolean json;

    @Mixin
    MethodOptions methods = new MethodOptions();

    @Mixin
    DeviceOptions device = new DeviceOptions();

    @Mixin
    OwnModelOptions own = new OwnModelOptions();

    @Mixin
    ConfigOptions options = new ConfigOptions();

    @Override
    public int run(Console console) throws InterruptedException {
        var config = options.load(source, own, methods.overrides(), device.overrides());
        var method = method(config);
        var model = ModelCommand.build(config);
        var request = new Products.Request(
                model,
                config.loss().function(model),
                weights,
                batch,
                Optional.ofNullable(vector),
                quantities(method.isPresent()),
                method,
                config.normStatistics().inFurtherPasses(),
                mode,
                config.device().dtype(),
                seed != null ? seed : config.train().seed());
        return Together.run(console, (ranks, speaker) -> {
            if (ranks.first()) makeFolder();
            Agreement.require(Agreement.facts(config), ranks);
            try (var backend = config.device().open(speaker::log, ranks)) {
                var results = Products.compute(request, backend);
                if (!ranks.first()) return 0;
                Safetensors.write(out, results, Map.of("format", "pt"));
                print(speaker, results);
                return 0;
            }
        });
    }

    /** A method is asked for by an option, an override, or a configuration that names another one than plain descent. */
    private Optional<Method> method(Config config) {
        boolean asked = !methods.overrides().isEmpty()
                || options.set.stream().anyMatch(s -> s.startsWith("method"))
                || compute.contains(UPDATE)
                || !(config.method() instanceof MethodConfig.Sgd);
        return asked ? Optional.of(Method.of(config.method())) : Optional.empty();
    }

    private Set<String> quantities(boolean update) {
        if (compute.isEmpty()) return new LinkedHashSet<>(Products.QUANTITIES);
        var wanted = new LinkedHashSet<String>();
        var known = new ArrayList<>(Products.QUANTITIES);
        if (update) known.add(UPDATE);
        for (var name : compute) {
            wanted.add(known.stream()
                    .filter(q -> Names.equal(q, name.strip()))
                    .findFirst()
                    .orElseThrow(() -> new ConfigException("--compute: there is no quantity '" + name + "'"
                            + Names.didYouMean(name, known) + "; choose from " + String.join(", ", known))));
        }
        wanted.remove(UPDATE);
        return wanted;
    }

    /** Before anything is computed, so that the results of a long computation find their place. */
    private void makeFolder() {
        try {
            var folder = out.toAbsolutePath().getParent();
            if (folder != null) Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UserException(
                    UserException.Kind.RUNTIME,
                    out.toString(),
                    "its folder cannot be made (" + e + ")",
                    "Name another one",
                    e);
        }
    }

    private void print(Console console, Map<String, Tensor> results) {
        var scalars = new LinkedHashMap<String, Double>();
        results.forEach((name, t) -> {
            if (t.shape().rank() == 0) scalars.put(name, t.get(0));
        });
        if (json) console.print(Json.print(scalars));
        else scalars.forEach((name, value) -> console.print(name + " " + value));
        console.log("wrote " + results.size() + " tensors to " + out);
    }
}
