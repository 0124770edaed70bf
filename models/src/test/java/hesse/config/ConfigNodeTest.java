package hesse.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Values arrive typed, problems arrive together, each with key, place and what is allowed. */
class ConfigNodeTest {
    private static ConfigNode parse(String yaml, String... overrides) {
        return ConfigNode.parse("run.yaml", Path.of(""), yaml, List.of(overrides));
    }

    private static List<String> problems(String yaml, Consumer<ConfigNode> reader, String... overrides) {
        return assertThrows(ConfigException.class, () -> {
                    var root = parse(yaml, overrides);
                    reader.accept(root);
                    root.finish();
                })
                .problems();
    }

    @Test
    void valuesArriveTyped() {
        var root = parse("""
                a: 3
                b: -1.5e-3
                c: .5
                d: true
                e: gelu
                f: [1, 2]
                g: [1, 0.5]
                h: 1e5
                i: "12"
                j: ~
                k: 0x10
                """);
        assertEquals(3, root.integer("a").required());
        assertEquals(-1.5e-3, root.number("b").required());
        assertEquals(0.5, root.number("c").or(7.0));
        assertTrue(root.flag("d").or(false));
        assertEquals("gelu", root.text("e").required());
        assertEquals(List.of(1, 2), root.integers("f").required());
        assertEquals(List.of(1.0, 0.5), root.numbers("g").required());
        assertEquals(100_000, root.integer("h").required());
        assertEquals("12", root.text("i").required());
        assertEquals(Optional.empty(), root.text("j").optional());
        assertEquals(16L, root.whole("k").required());
        assertEquals(3.0, root.number("a").required());
        root.finish();
    }

    @Test
    void dashAndUnderscoreAreEqualInNamesAndValues() {
        var root = parse("weight-decay: 1\nkind: cross_entropy\nnested_part: {some-key: 2}", "nested-part.other-key=3");
        assertEquals(1.0, root.number("weight_decay").required());
        assertEquals(
                "cross-entropy", root.choice("kind", "cross-entropy", "mse").required());
        assertEquals(2, root.child("nested-part").integer("some_key").required());
        assertEquals(3, root.child("nested_part").integer("other_key").required());
        root.finish();
    }

    @Test
    void allProblemsComeTogetherWithTheirLines() {
        var problems = problems("""
                lr: -1
                steps: 2.5
                kind: adan
                """, root -> {
            root.number("lr").above(0).or(0.1);
            root.integer("steps").atLeast(1).required();
            root.integer("batch").atLeast(1).required();
            root.child("inner").choice("kind", "sgd", "adam").required();
        });
        assertEquals(
                List.of(
                        "run.yaml:1: lr should be a number, above 0, is the number -1",
                        "run.yaml:2: steps should be a whole number, at least 1, is the number 2.5",
                        "run.yaml:1: lacks 'batch', a whole number, at least 1",
                        "run.yaml:1: inner lacks 'kind', one of sgd, adam",
                        "run.yaml:3: unknown key 'kind' in the configuration; allowed for kind adan: lr, steps, batch, inner"),
                problems);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "a: text | a should be a whole number, is the text 'text'",
                "a: [1] | a should be a whole number, is a list",
                "a: {b: 1} | a should be a whole number, is a table",
                "a: true | a should be a whole number, is true",
                "a: 3000000000 | a should be a whole number, is the number 3000000000",
                "a: 99999999999999999999 | 99999999999999999999 is no whole number",
            })
    void wrongTypesAreNamed(String yaml, String expected) {
        var problems = problems(yaml, root -> root.integer("a").required());
        assertEquals(1, problems.size());
        assertTrue(
                problems.getFirst().startsWith("run.yaml:1: ")
                        && problems.getFirst().contains(expected),
                problems.getFirst());
    }

    @Test
    void numbersMustBeFinite() {
        for (var value : List.of(".inf", "-.inf", ".nan", "1e999")) {
            assertEquals(
                    1,
                    problems("a: " + value, root -> root.number("a").required()).size(),
                    value);
        }
    }

    @Test
    void aSlipOfThePenIsAnsweredWithTheNameThatWasMeant() {
        Consumer<ConfigNode> reader = root -> {
            var m = root.child("method");
            m.choice("kind", "psam", "gradient_penalty").required();
            m.number("rho").or(0.1);
            m.number("weight_decay").or(0.0);
        };
        assertEquals(
                List.of("run.yaml:3: unknown key 'weigth-decay' in method (did you mean 'weight_decay'?); "
                        + "allowed for kind psam: kind, rho, weight_decay"),
                problems("method:\n  kind: psam\n  weigth-decay: 0.1", reader));
        assertEquals(
                List.of("run.yaml:1: method.kind should be one of psam, gradient_penalty, "
                        + "is the text 'gradient-penatly' (did you mean 'gradient_penalty'?)"),
                problems("method: {kind: gradient-penatly, unheard_of: 3}", reader));
    }

    @Test
    void overridesAreLaidOverTheFile() {
        var root = parse(
                "a: {b: 1, c: [1, 2]}\nlist:\n  - {k: 1}\n  - {k: 2}",
                "a.b=5",
                "a.c=[7]",
                "list.1.k=9",
                "new.deep.key=x",
                "a.d=");
        assertEquals(5, root.child("a").integer("b").required());
        assertEquals(List.of(7), root.child("a").integers("c").required());
        assertFalse(root.child("a").has("d"));
        assertEquals(9, root.children("list").get(1).integer("k").required());
        assertEquals("x", root.child("new").child("deep").text("key").required());
        assertEquals("--set a.b=5", root.child("a").originOf("b").text());
        assertEquals("run.yaml:1", root.child("a").originOf("unset").text());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "novalue | should be key=value",
                "=3 | should be key=value",
                "a..b=3 | empty name",
                "a.b.c=3 | leads to 'c' inside the number 1 (run.yaml:1)",
                "list.2=3 | the place in a list of 2",
                "list.x=3 | the place in a list of 2",
                "a.b=[1, | not valid YAML",
                "a.b={c: 1, c: 2} | stands there twice",
            })
    void badOverridesAreQuoted(String assignment, String expected) {
        var e = assertThrows(ConfigException.class, () -> parse("a: {b: 1}\nlist: [1, 2]", assignment));
        assertTrue(e.getMessage().startsWith("--set " + assignment + ": "), e.getMessage());
        assertTrue(e.getMessage().contains(expected), e.getMessage());
        assertEquals(2, e.exitCode());
    }

    @Test
    void aBareTextIsAKindAndGrowsIntoATable() {
        var plain = parse("activation: gelu").variant("activation", "relu");
        assertEquals("gelu", plain.text("kind").required());
        var grown =
                parse("activation: gelu", "activation.second_derivative=zero").variant("activation", "relu");
        assertEquals("gelu", grown.text("kind").required());
        assertEquals("zero", grown.text("second_derivative").required());
        assertEquals(
                "relu", parse("{}").variant("activation", "relu").text("kind").required());
        assertEquals(
                List.of("run.yaml:1: activation should be a table or a name, is the number 3"),
                problems("activation: 3", root -> root.variant("activation", "relu")));
    }

    @Test
    void aNewKindDropsWhatBelongedToTheOldOneAndNothingElse() {
        Consumer<ConfigNode> reader = root -> {
            var o = root.child("optimizer");
            if (o.choice("kind", "sgd", "adam").required().equals("sgd"))
                o.number("momentum").or(0.0);
            o.number("lr").required();
        };
        var root = parse("optimizer: {kind: sgd, momentum: 0.9, lr: 0.1}", "optimizer.kind=adam");
        reader.accept(root);
        root.finish();
        assertEquals(0.1, root.child("optimizer").number("lr").required());
        assertEquals(
                1,
                problems("optimizer: {kind: sgd, momentun: 0.9, lr: 0.1}", reader, "optimizer.kind=sgd")
                        .size());
        assertEquals(
                1,
                problems("optimizer: {kind: sgd, lr: 0.1}", reader, "optimizer.kind=adam", "optimizer.momentum=0.9")
                        .size());
    }

    @Test
    void whatWasReadIsResolvedWithOriginsAndReadsBack() {
        var yaml = "model: {blocks: [{channels: 8, pool: max2}, {channels: 16}], hidden: [3, 4]}\nactivation: gelu\n"
                + "schedule: {kind: step, at: [1, 2]}\nnote: 'x: # \"y\\'";
        var root = parse(yaml, "rate=1e-4");
        read(root);
        root.finish();
        var printed = ConfigYaml.print(root.resolved());
        var origins = ConfigYaml.printWithOrigins(root.resolved());
        assertTrue(origins.contains("# --set rate=1e-4"), origins);
        assertTrue(origins.matches("(?s).*stride: 1 +# default\n.*"), origins);
        assertTrue(origins.matches("(?s).*activation: gelu +# run.yaml:2\n.*"), origins);
        for (var text : List.of(printed, origins)) {
            var again = ConfigNode.parse("again", text);
            read(again);
            again.finish();
            assertEquals(printed, ConfigYaml.print(again.resolved()));
        }
    }

    @Test
    void originsStayOnTheirLine() {
        var root = parse("{}", "note=\"a\nb\"");
        assertEquals("a b", root.text("note").required());
        var again = ConfigNode.parse("again", ConfigYaml.printWithOrigins(root.resolved()));
        assertEquals("a b", again.text("note").required());
        again.finish();
    }

    private static void read(ConfigNode root) {
        for (var block : root.child("model").children("blocks")) {
            block.integer("channels").required();
            block.text("pool").or("none");
            block.integer("stride").or(1);
        }
        root.child("model").integers("hidden").or(List.of());
        root.variant("activation", "relu").text("kind").required();
        root.variant("loss", "cross-entropy")
                .choice("kind", "cross-entropy", "mse")
                .required();
        var schedule = root.variant("schedule", "constant");
        schedule.choice("kind", "constant", "step").required();
        schedule.integers("at").required();
        schedule.number("factor").or(0.1);
        root.text("note").required();
        root.number("rate").or(1.0);
    }

    @Test
    void everyTextReadsBackAsItself() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        var letters = "aZ0.-+~#:'\"\\ {}[],&*!|>%@`\n\té✓yesNOnull1e5\u0000\u007f";
        for (int i = 0; i < 500; i++) {
            var text = new StringBuilder();
            for (int n = random.nextInt(6); n >= 0; n--) text.append(letters.charAt(random.nextInt(letters.length())));
            var table = new ConfigValue.Table(
                    Map.of(
                            "k",
                            new ConfigValue.Entry(
                                    "k",
                                    new ConfigValue.Scalar(text.toString(), text.toString(), Origin.DEFAULT),
                                    false)),
                    Origin.DEFAULT);
            assertEquals(
                    text.toString(),
                    ConfigNode.parse("t", ConfigYaml.print(table)).text("k").required(),
                    "seed " + seed);
        }
        for (var word :
                List.of("true", "No", "null", "~", "1e5", "0x10", ".inf", "", " ", "-", "- a", "a: b", "a #b", "[")) {
            var root =
                    ConfigNode.parse("t", "k: " + ConfigYaml.print(new ConfigValue.Scalar(word, word, Origin.DEFAULT)));
            assertEquals(word, root.text("k").required());
            assertEquals(Optional.empty(), root.number("k").optional(), word);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a: [1",
                "a: b: c",
                "\ta: 1",
                "- 1",
                "3",
                "a: 1\na: 2",
                "a-b: 1\na_b: 2",
                "a: !!java/object 3",
                "a: !!float three",
                "a: !!int three",
                "a: !!bool three",
                "? [1]\n: 2",
                "a: *x",
                "a: 1\n---\nb: 2",
                "\u0001",
                "a: &x [*x]",
                "a: &x {<<: *x}",
                "a: &x {b: {<<: [*x, *x]}}"
            })
    void whatIsNoConfigurationIsRefusedWithItsPlace(String yaml) {
        var e = assertThrows(ConfigException.class, () -> parse(yaml));
        assertTrue(e.getMessage().matches("(?s)run\\.yaml:\\d+: .+"), e.getMessage());
    }

    @Test
    void aliasesThatGrowWithoutBoundAreRefused() {
        var yaml = new StringBuilder("a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
        for (int i = 1; i < 12; i++) {
            yaml.append(
                    "a%d: &a%d [%s]\n".formatted(i, i, "*a%d, ".formatted(i - 1).repeat(10)));
        }
        var e = assertThrows(ConfigException.class, () -> parse(yaml.toString()));
        assertTrue(e.getMessage().startsWith("run.yaml:"), e.getMessage());
        var deep = assertThrows(ConfigException.class, () -> parse("a: " + "[".repeat(60) + "]".repeat(60)));
        assertTrue(deep.getMessage().contains("nested"), deep.getMessage());
    }

    @Test
    void filesLieBesideTheConfigurationOrInTheCurrentFolder(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("w.safetensors"), "");
        var yaml = "a: w.safetensors\nb: pom.xml\nc: missing\nd: /absolute";
        var root = ConfigNode.parse("run.yaml", folder, yaml, List.of("e=w.safetensors"));
        assertEquals(folder.resolve("w.safetensors"), root.file("a").required());
        assertEquals(Path.of("pom.xml").toAbsolutePath(), root.file("b").required());
        assertEquals(folder.resolve("missing"), root.file("c").required());
        assertEquals(Path.of("/absolute"), root.file("d").required());
        assertEquals(Path.of("w.safetensors").toAbsolutePath(), root.file("e").required());
        assertTrue(ConfigYaml.print(root.resolved()).startsWith("a: " + folder.resolve("w.safetensors")));
    }

    @Test
    void parsersSpeakThroughTheKeyThatHoldsTheirText() {
        Consumer<ConfigNode> reader = root -> root.text("n").parsed(Integer::valueOf, 0);
        assertEquals(7, parse("n: '7'").text("n").parsed(Integer::valueOf, 0));
        assertEquals(List.of("run.yaml:1: n cannot be used: For input string: \"x\""), problems("n: x", reader));
        assertEquals(List.of("run.yaml:1: lacks 'n', a text"), problems("{}", reader));
    }
}
