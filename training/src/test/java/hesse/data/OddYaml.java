package hesse.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Configurations as trees, changed as trees and written in any of YAML's styles: anchors, aliases, merges, tags, keys that stand twice or
 * mean nothing, values of other types, deep and long ones.
 */
final class OddYaml {
    private static final List<String> BASES = List.of(
            "model{kind=mlp hidden[10 10] activation=gelu}",
            "model{kind=cnn activation{kind=relu second_derivative{kind=gaussian beta=100}} blocks[{channels=8 kernel=3"
                    + " norm=batch pool=max2}{channels=8 kernel=3 stride=2 padding=same}] dense[16]}",
            "model{kind=transformer vocab=16 context=8 layers=1 heads=2 key_size=4 width=8}",
            "model{kind=wrn depth=10 width=1 dropout=0.1}",
            "model{kind=vit size=s patch=4}",
            "data{name=digits batch=32 augment[flip {kind=crop padding=1 fill=zero}] shuffle=true limit=100}",
            "data{name=image-folder train=photos size=8 batch=1 unreadable=skip}",
            "data{name=npy train=x.npy train_labels=y.npy batch=4 classes=3}",
            "loss{kind=cross-entropy label_smoothing=0.1}",
            "method{kind=psam rho{kind=warmup from=0 to=0.1 steps=10}}",
            "method{kind=gn_trace sigma2=1e-3 estimator=hutchinson probes=2}",
            "optimizer{kind=sgd lr=0.1 momentum=0.9 schedule{kind=step at[10 20] factor=0.1} warmup_steps=5}",
            "optimizer{kind=adamw lr=1e-3 betas[0.9 0.999]}",
            "train{epochs=2 seed=1 micro_batch=8 keep=2}",
            "probes[{kind=top_eigenvalues k=3 every=100}{kind=sam_edge every=10}]",
            "device{backend=cpu precision=f64 threads=2}");
    private static final List<String> SCALARS = List.of(
            "0",
            "1",
            "-1",
            "-0",
            "0.0",
            "1e999",
            "-1e999",
            "1e-999",
            ".nan",
            ".inf",
            "-.inf",
            "0x7fffffffffffffff",
            "0x8000000000000000",
            "0o777",
            "0x",
            "0o9",
            "+1",
            "1_000",
            "9".repeat(30),
            "9".repeat(2000),
            "0." + "3".repeat(2000),
            "2147483647",
            "2147483648",
            "4294967296",
            "~",
            "null",
            "Null",
            "true",
            "TRUE",
            "yes",
            "off",
            "''",
            "\"\"",
            "\"\\0\"",
            "\"\\uD800\"",
            "\"\\x1b[31m\"",
            "\"a\\nb\"",
            "2001-12-14",
            "12:30:45",
            "=",
            "<<",
            "-",
            "?",
            ":",
            "!",
            "&",
            "*",
            "a b",
            "'it''s'",
            "\"x * tanh(x)\"",
            "é漢",
            "../../etc/passwd",
            "/dev/zero",
            "\"\\N\\_\\L\\P\"",
            "a: b",
            "# no",
            "s".repeat(5000),
            "mlp",
            "gelu",
            "psam",
            "[",
            "}",
            ",",
            "%",
            "@x",
            "`x");
    private static final List<String> KEYS = List.of(
            "kind",
            "name",
            "activation",
            "hidden",
            "rho",
            "lr",
            "KIND",
            "second-derivative",
            "second_derivative",
            "nonsense",
            "~",
            "''",
            "\"a\\nb\"",
            "1",
            "1.5",
            "true",
            "<<",
            "=",
            "? [a, b]",
            "? {a: b}",
            "k".repeat(1500),
            "!!str kind",
            "&k kind",
            "*a");
    private static final List<String> TAGS = List.of(
            "!!str ",
            "!!int ",
            "!!float ",
            "!!null ",
            "!!bool ",
            "!!map ",
            "!!seq ",
            "!!binary ",
            "!!set ",
            "!!omap ",
            "!!timestamp ",
            "!!java.net.URL ",
            "!!javax.script.ScriptEngineManager ",
            "!local ",
            "! ",
            "!<tag:yaml.org,2002:str> ",
            "!e!x ",
            "!<> ",
            "!!merge ");
    private static final List<String> FRONTS = List.of(
            "---\n",
            "%YAML 1.2\n---\n",
            "%YAML 1.1\n---\n",
            "%YAML 3.0\n---\n",
            "%YAML 1.2\n%YAML 1.2\n---\n",
            "%TAG !e! tag:example.org,2026:\n---\n",
            "%FOO bar\n---\n",
            "\ufeff",
            "# text\n",
            "...\n",
            "--- !!map\n",
            "---\n---\n",
            "\t",
            "- ");
    private static final List<String> BACKS =
            List.of("...\n", "---\na: b\n", "\n\n", "# end", "\u0000", "...\n%YAML 1.2\n---\n", "\u2028", "}");

    /** A scalar, a list or a table: what is null is not there. */
    private static final class Node {
        private String before = "";
        private String text;
        private List<Node> items;
        private List<String> keys;

        Node(String text) {
            this.text = text;
        }

        static Node list() {
            var n = new Node(null);
            n.items = new ArrayList<>();
            return n;
        }

        static Node table() {
            var n = list();
            n.keys = new ArrayList<>();
            return n;
        }

        void become(Node other) {
            text = other.text;
            items = other.items;
            keys = other.keys;
        }

        Node copy() {
            var n = new Node(text);
            n.before = before;
            if (items != null)
                n.items = new ArrayList<>(items.stream().map(Node::copy).toList());
            if (keys != null) n.keys = new ArrayList<>(keys);
            return n;
        }
    }

    private final Random random;
    private String base = "";
    private int at;
    private int anchors;

    private OddYaml(Random random) {
        this.random = random;
    }

    static String next(Random random) {
        var y = new OddYaml(random);
        var root = Node.table();
        for (int i = 1 + random.nextInt(5); i > 0; i--) y.add(root, BASES.get(random.nextInt(BASES.size())));
        // more often than not there is a model, without which nothing else is looked at
        if (random.nextInt(4) > 0 && !root.keys.contains("model")) y.add(root, BASES.get(random.nextInt(5)));
        for (int i = random.nextInt(5); i > 0; i--) y.change(root);
        return y.text(root);
    }

    private String one(List<String> of) {
        return of.get(random.nextInt(of.size()));
    }

    // ---- the bases' short form: name{key=value list[item …]} ----

    private void add(Node table, String text) {
        base = text;
        at = 0;
        entry(table);
    }

    private void entry(Node table) {
        int from = at;
        while ("={[".indexOf(base.charAt(at)) < 0) at++;
        var key = base.substring(from, at);
        if (base.charAt(at) == '=') at++;
        var value = value();
        if (table.keys.contains(key) && random.nextInt(10) > 0) return;
        table.keys.add(key);
        table.items.add(value);
    }

    private Node value() {
        boolean list = base.charAt(at) == '[';
        if (!list && base.charAt(at) != '{') {
            int from = at;
            while (at < base.length() && " ]}".indexOf(base.charAt(at)) < 0) at++;
            return new Node(base.substring(from, at));
        }
        at++;
        var node = list ? Node.list() : Node.table();
        while ("]}".indexOf(base.charAt(at)) < 0) {
            if (base.charAt(at) == ' ') at++;
            else if (list) node.items.add(value());
            else entry(node);
        }
        at++;
        return node;
    }

    // ---- changes ----

    private static void all(Node n, List<Node> into) {
        into.add(n);
        if (n.items != null) for (var i : n.items) all(i, into);
    }

    private void change(Node root) {
        var nodes = new ArrayList<Node>();
        all(root, nodes);
        var node = nodes.get(random.nextInt(nodes.size()));
        if (node == root && random.nextInt(10) > 0) node = nodes.getLast();
        switch (random.nextInt(13)) {
            case 0, 1, 2 -> node.become(new Node(one(SCALARS)));
            case 3 -> node.become(new Node('"' + OddFormulas.next(random).replaceAll("[\\p{Cntrl}\"\\\\]", " ") + '"'));
            case 4 -> key(node);
            case 5 -> node.before = one(TAGS) + node.before;
            case 6 -> anchored(node, nodes);
            case 7 -> node.become(nodes.get(random.nextInt(nodes.size())).copy());
            case 8 -> deep(node, random.nextInt(6) == 0 ? 100 : 1 + random.nextInt(4));
            case 9 -> many(node);
            case 10 -> {
                if (node.items != null && !node.items.isEmpty()) {
                    int i = random.nextInt(node.items.size());
                    node.items.remove(i);
                    if (node.keys != null) node.keys.remove(i);
                }
            }
            case 11 -> merge(root, node);
            default -> node.become(random.nextBoolean() ? Node.list() : Node.table());
        }
    }

    private void key(Node node) {
        if (node.keys == null) return;
        var name = random.nextInt(3) == 0 && !node.keys.isEmpty() ? one(node.keys) : one(KEYS);
        if (random.nextInt(4) == 0) name = name.replace('_', '-');
        if (random.nextBoolean() && !node.keys.isEmpty()) {
            node.keys.set(random.nextInt(node.keys.size()), name);
            return;
        }
        int place = random.nextInt(node.keys.size() + 1);
        node.keys.add(place, name);
        node.items.add(place, new Node(one(SCALARS)));
    }

    /** An anchor, and aliases of it: elsewhere, within itself, of another name, or very many. */
    private void anchored(Node node, List<Node> nodes) {
        var name = random.nextInt(5) == 0 ? "a" : "a" + anchors++;
        node.before = "&" + name + " " + node.before;
        var alias = new Node("*" + (random.nextInt(8) == 0 ? "none" : name));
        if (random.nextInt(4) == 0 && node.items != null) {
            node.items.add(alias);
            if (node.keys != null) node.keys.add("self");
        } else if (random.nextInt(6) == 0) {
            var many = Node.list();
            for (int i = 0; i < 80; i++) many.items.add(alias.copy());
            nodes.getLast().become(many);
        } else {
            nodes.get(random.nextInt(nodes.size())).become(alias);
        }
    }

    private void merge(Node root, Node node) {
        if (node.keys == null) return;
        node.keys.add("<<");
        var names = Node.list();
        names.items.add(new Node("*m"));
        names.items.add(new Node("*m"));
        node.items.add(random.nextInt(3) == 0 ? names : new Node(random.nextInt(3) == 0 ? one(SCALARS) : "*m"));
        var merged = Node.table();
        merged.before = "&m ";
        merged.keys.add(one(KEYS));
        merged.items.add(new Node(one(SCALARS)));
        root.keys = root.keys == null ? new ArrayList<>() : root.keys;
        root.items = root.items == null ? new ArrayList<>() : root.items;
        while (root.keys.size() < root.items.size()) root.keys.add("k" + root.keys.size());
        root.text = null;
        root.keys.addFirst("merged");
        root.items.addFirst(merged);
    }

    private void deep(Node node, int depth) {
        for (int i = 0; i < depth; i++) {
            var inner = node.copy();
            var outer = random.nextBoolean() ? Node.list() : Node.table();
            if (outer.keys != null) outer.keys.add(one(KEYS));
            outer.items.add(inner);
            node.become(outer);
        }
    }

    private void many(Node node) {
        var long_ = random.nextBoolean() ? Node.list() : Node.table();
        int count = 1 << random.nextInt(11);
        for (int i = 0; i < count; i++) {
            long_.items.add(new Node(random.nextInt(50) == 0 ? one(SCALARS) : Integer.toString(i)));
            if (long_.keys != null) long_.keys.add("k" + i);
        }
        node.become(long_);
    }

    // ---- writing ----

    private String text(Node root) {
        var out = new StringBuilder();
        if (random.nextInt(6) == 0) out.append(one(FRONTS));
        write(root, 0, random.nextInt(3) == 0, out);
        out.append('\n');
        if (random.nextInt(8) == 0) out.append(one(BACKS));
        var text = out.toString();
        return random.nextInt(15) == 0 ? text.replace("\n", random.nextBoolean() ? "\r\n" : "\r") : text;
    }

    private void write(Node n, int indent, boolean flow, StringBuilder out) {
        if (out.length() > 60_000) return;
        flow |= random.nextInt(3) == 0 || indent > 40 || n.items == null || n.items.isEmpty();
        if (flow || n.text != null) out.append(n.before);
        if (n.items == null) {
            scalar(n.text == null ? "~" : n.text, indent, out);
        } else if (flow) {
            out.append(n.keys == null ? '[' : '{');
            for (int i = 0; i < n.items.size(); i++) {
                if (i > 0) out.append(random.nextInt(30) == 0 ? ",\n" : ", ");
                if (n.keys != null) out.append(n.keys.get(i)).append(": ");
                write(n.items.get(i), indent, true, out);
            }
            out.append(n.keys == null ? ']' : '}');
        } else {
            out.append(n.before.strip());
            for (int i = 0; i < n.items.size(); i++) {
                out.append('\n').append(random.nextInt(300) == 0 ? "\t" : " ".repeat(indent));
                out.append(n.keys == null ? "- " : n.keys.get(i) + ": ");
                write(n.items.get(i), indent + 1 + random.nextInt(3), false, out);
            }
        }
    }

    /** As it stands, or now and then as a block. */
    private void scalar(String text, int indent, StringBuilder out) {
        if (random.nextInt(60) > 0 || indent > 40) {
            out.append(text);
            return;
        }
        out.append(random.nextBoolean() ? "|" : ">")
                .append(List.of("", "-", "+", "2", "9-").get(random.nextInt(5)));
        out.append('\n').append(" ".repeat(indent + 2)).append(text);
    }
}
