package hesse.run;

import hesse.config.ConfigException;
import hesse.config.ConfigNode;
import hesse.config.Names;
import hesse.error.UserException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Where a configuration's text comes from: the presets in this jar, each a commented YAML file, or a file. */
public final class Presets {
    private static final int MAX_BYTES = 1_000_000;

    /** Every preset, in the order in which they are listed. */
    public static final List<String> NAMES = List.of(
            "digits-mlp",
            "digits-cnn",
            "mnist-mlp",
            "fashion-cnn",
            "fashion-cnn-small",
            "fashion-wrn-28-10",
            "cifar-cnn",
            "cifar-wrn-10-1",
            "cifar-wrn-16-4",
            "cifar-wrn-28-10",
            "imagenet-resnet50",
            "digits-mlp-edge",
            "mnist-mlp-edge",
            "cifar-cnn-edge",
            "shakespeare-transformer",
            "shakespeare-transformer-adamw");

    private Presets() {}

    /** The YAML text of a preset. */
    public static String text(String name) {
        try (var in = Presets.class.getResourceAsStream("/hesse/presets/" + name + ".yaml")) {
            if (in == null) throw new IllegalArgumentException("no preset " + name);
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What a preset is, in one line: its first comment. */
    public static String description(String name) {
        return text(name).lines().findFirst().orElse("").replaceFirst("^#\\s*", "");
    }

    /**
     * Opens a preset by its name, or a YAML file by its path; a file of that name goes first.
     *
     * @throws ConfigException if it is neither, or no YAML table, or an override does not parse
     */
    static ConfigNode open(String presetOrFile, List<String> overrides) {
        var path = path(presetOrFile);
        if (Files.isRegularFile(path)) {
            var folder = Optional.ofNullable(path.toAbsolutePath().getParent()).orElse(Path.of(""));
            return ConfigNode.parse(path.toString(), folder, readText(path), overrides);
        }
        var preset = NAMES.stream().filter(n -> Names.equal(n, presetOrFile)).findFirst();
        if (preset.isPresent())
            return ConfigNode.parse("preset " + preset.get(), Path.of(""), text(preset.get()), overrides);
        throw new ConfigException(presetOrFile + ": neither a configuration file nor a preset"
                + Names.didYouMean(presetOrFile, NAMES) + ". Presets: " + String.join(", ", NAMES));
    }

    private static Path path(String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new ConfigException("the configuration's name is no path: " + e.getReason());
        }
    }

    /**
     * The text of a configuration's or a sweep's file, without a mark of its encoding.
     *
     * @throws ConfigException if it is too long or no UTF-8
     * @throws UserException (runtime) if it cannot be read
     */
    public static String readText(Path file) {
        // no more than that, whatever the size was a moment ago
        try (var in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw new ConfigException(
                        file + ": is longer than the " + MAX_BYTES + " bytes that a configuration has at most");
            }
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString()
                    .replaceFirst("^\uFEFF", "");
        } catch (CharacterCodingException e) {
            throw new ConfigException(file + ": is no UTF-8 text");
        } catch (IOException e) {
            throw new UserException(
                    UserException.Kind.RUNTIME,
                    file.toString(),
                    "cannot be read (" + e.getMessage() + ")",
                    "Check its permissions",
                    e);
        }
    }
}
