package hesse.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * What Hesse is built of: each library has a pinned version and a licence from a short list. The page {@code docs/licences.md} is
 * written by this test, with {@code -Dhesse.catalogue=write}, and has to agree with it: a new or newer library shows up there.
 */
class SupplyTest {
    private static final Path ROOT = Path.of("..");
    private static final Path PAGE = ROOT.resolve("docs").resolve("licences.md");

    /** Of what is given to others. */
    private static final Set<String> SHIPPED = Set.of("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause");

    /** Of what builds, tests and measures. */
    private static final Set<String> TOOLS = Set.of(
            "Apache-2.0",
            "MIT",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "EPL-2.0",
            "MPL-2.0",
            "GPL-2.0-with-classpath-exception");

    private static final Pattern FOR_TESTS = Pattern.compile(
            "(org\\.junit\\.|org\\.opentest4j|org\\.apiguardian|com\\.tngtech\\.archunit|org\\.slf4j|org\\.apache\\.maven\\.surefire"
                    + "|org\\.webjars\\.npm:axe-core).*");
    private static final Pattern FOR_BENCHMARKS =
            Pattern.compile("(org\\.openjdk\\.jmh|net\\.sf\\.jopt-simple|org\\.apache\\.commons:commons-math3).*");

    private record Library(String name, String version, String licence) {
        String purpose() {
            if (FOR_TESTS.matcher(name).matches()) return "tests";
            return FOR_BENCHMARKS.matcher(name).matches() ? "benchmarks (JMH)" : "Hesse";
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static List<Path> poms() {
        return Stream.of("", "bindings", "runtime", "models", "training", "bench")
                .map(m -> ROOT.resolve(m).resolve("pom.xml"))
                .toList();
    }

    /** The text of the first such element, or nothing. */
    private static String element(String xml, String name) {
        var found = Pattern.compile("(?s)<" + name + ">(.*?)</" + name + ">").matcher(xml);
        return found.find() ? found.group(1).strip() : "";
    }

    private static Stream<String> elements(String xml, String name) {
        return Pattern.compile("(?s)<" + name + ">(.*?)</" + name + ">")
                .matcher(xml)
                .results()
                .map(r -> r.group(1));
    }

    private static Map<String, String> properties() {
        var all = new LinkedHashMap<String, String>();
        var m = Pattern.compile("<([\\w.-]+\\.version)>([^<]*)</")
                .matcher(element(read(poms().getFirst()), "properties"));
        while (m.find()) all.put(m.group(1), m.group(2));
        return all;
    }

    // ---- licences ----

    /** By the names that the libraries' own descriptions use. */
    private static String licence(String name) {
        var n = name.toLowerCase(java.util.Locale.ROOT);
        if (n.contains("classpath")) return "GPL-2.0-with-classpath-exception";
        if (n.contains("apache")) return "Apache-2.0";
        if (n.contains("mit")) return "MIT";
        if (n.contains("2-clause")) return "BSD-2-Clause";
        // JLine's says only "BSD", and the text it names has three clauses
        if (n.contains("bsd") && !n.contains("4")) return "BSD-3-Clause";
        if (n.contains("eclipse public license") && n.contains("2.0")) return "EPL-2.0";
        if (n.contains("mpl") || n.contains("mozilla public license")) return "MPL-2.0";
        return "unknown: " + name;
    }

    /** From a description in the local repository, or from its parent's. */
    private static String licence(Path repository, Path description) {
        var xml = read(description).replaceAll("(?s)<!--.*?-->", "");
        var licences = element(xml, "licenses");
        if (!licences.isEmpty()) return licence(element(element(licences, "license"), "name"));
        var parent = element(xml, "parent");
        var group = element(parent, "groupId");
        var artifact = element(parent, "artifactId");
        var version = element(parent, "version");
        var file = repository
                .resolve(group.replace('.', '/'))
                .resolve(artifact)
                .resolve(version)
                .resolve(artifact + "-" + version + ".pom");
        return parent.isEmpty() || !Files.exists(file) ? "unknown: none in " + description : licence(repository, file);
    }

    /** Those that the tests of this module run with, which depends on all others: by where they lie in the local repository. */
    private static Map<String, Library> libraries() {
        var all = new TreeMap<String, Library>();
        Stream.of("java.class.path", "jdk.module.path", "surefire.test.class.path")
                .map(key -> System.getProperty(key, ""))
                .flatMap(path -> Stream.of(path.split(File.pathSeparator)))
                .filter(path -> path.endsWith(".jar"))
                .map(Path::of)
                .forEach(jar -> {
                    var version = jar.getParent();
                    var artifact = version == null ? null : version.getParent();
                    if (version == null || artifact == null) return;
                    var a = String.valueOf(artifact.getFileName());
                    var v = String.valueOf(version.getFileName());
                    var description = version.resolve(a + "-" + v + ".pom");
                    if (!Files.exists(description)) return;
                    var group = group(read(description), artifact);
                    if (group.isEmpty() || group.equals("org.hesse")) return;
                    Path repository = java.util.Objects.requireNonNull(artifact.getParent());
                    for (int i = group.split("\\.").length; i > 0; i--) {
                        repository = java.util.Objects.requireNonNull(repository.getParent());
                    }
                    var library = new Library(group + ":" + a, v, licence(repository, description));
                    all.put(library.name, library);
                });
        return all;
    }

    /** The longest end of the path above a library that its description calls a group. */
    private static String group(String description, Path artifact) {
        String found = "";
        String end = "";
        for (var p = artifact.getParent(); p != null && p.getFileName() != null; p = p.getParent()) {
            end = p.getFileName() + (end.isEmpty() ? "" : "." + end);
            if (description.contains("<groupId>" + end + "</groupId>")) found = end;
        }
        return found;
    }

    private static String page(Map<String, Library> libraries) {
        var lines = new ArrayList<String>();
        for (var purpose : List.of("Hesse", "benchmarks (JMH)", "tests")) {
            lines.addAll(
                    List.of("", "## For " + purpose, "", "| library | version | licence |", "| --- | --- | --- |"));
            for (var l : libraries.values()) {
                if (l.purpose().equals(purpose))
                    lines.add("| " + l.name + " | " + l.version + " | " + l.licence + " |");
            }
        }
        return "# Libraries and their licences\n\nWritten by `SupplyTest`: do not edit. From the libraries' own descriptions, those that come with others"
                + " included. What is shipped\nmay be under " + String.join(", ", new TreeSet<>(SHIPPED))
                + "; the other licences are for tools that stay with the developer.\n"
                + String.join("\n", lines) + "\n";
    }

    @Test
    void everyLibraryHasAnAllowedLicenceAndStandsOnThePage() throws IOException {
        var libraries = libraries();
        var axe = new Library("org.webjars.npm:axe-core", properties().getOrDefault("axe-core.version", ""), "MPL-2.0");
        // of the tests of another module
        libraries.put(axe.name, axe);
        // those of the build's own machinery change with the plugin, not with what is tested
        libraries.keySet().removeIf(n -> n.startsWith("org.apache.maven.surefire"));
        assertTrue(libraries.size() > 20, libraries::toString);
        var bad = libraries.values().stream()
                .filter(l -> !(l.purpose().equals("Hesse") ? SHIPPED : TOOLS).contains(l.licence))
                .toList();
        assertEquals(List.of(), bad, "licences that are not on the list");
        var page = page(libraries);
        if (System.getProperty("hesse.catalogue", "").equals("write")) Files.writeString(PAGE, page);
        assertEquals(page, Files.readString(PAGE), "write the page anew with -Dhesse.catalogue=write");
    }

    /** The bill of materials that {@code -Pci} and {@code -Prelease} write when they begin to package. */
    @Test
    @EnabledIfSystemProperty(named = "hesse.ci", matches = "true")
    void theBillOfMaterialsHoldsWhatThePageSays() {
        var bill = ROOT.resolve("target").resolve("bom.json");
        org.junit.jupiter.api.Assumptions.assumeTrue(Files.exists(bill), "only when all modules are packaged");
        var page = read(PAGE);
        var shipped = page.substring(0, page.indexOf("## For benchmarks"));
        var named = Pattern.compile("\"purl\"\\s*:\\s*\"pkg:maven/([^/\"]+)/([^@\"]+)@([^?\"]+)");
        Matcher m = named.matcher(read(bill));
        int found = 0;
        var missing = new TreeSet<String>();
        while (m.find()) {
            if (m.group(1).equals("org.hesse")) continue;
            found++;
            if (!shipped.contains("| " + m.group(1) + ":" + m.group(2) + " | " + m.group(3) + " |"))
                missing.add(m.group());
        }
        assertEquals(Set.of(), missing, "in the bill of materials, not on the page");
        assertTrue(found > 10, "components: " + found);
    }

    // ---- versions ----

    @Test
    void everyVersionIsPinned() {
        properties()
                .forEach((name, version) -> assertTrue(
                        version.matches("\\d[\\w.-]*") && !version.contains("SNAPSHOT"), name + " is " + version));
        var root = read(poms().getFirst());
        var managed = elements(element(root, "pluginManagement"), "plugin").toList();
        for (var pom : poms()) {
            var xml = read(pom).replaceAll("(?s)<!--.*?-->", "");
            elements(xml, "version")
                    .filter(v -> !v.startsWith("[")) // a range of JDKs
                    .forEach(v -> assertTrue(
                            v.matches("\\$\\{[\\w.-]+}") || v.equals("0.1.0-SNAPSHOT"), pom + " has the version " + v));
            unpinned(xml, "plugin", managed)
                    .forEach(p -> fail(pom + " uses " + p + ", of which the root names no version"));
            unpinned(xml, "dependency", elements(root, "dependency").toList())
                    .forEach(d -> fail(pom + " uses " + d + ", of which the root names no version"));
        }
    }

    /** Those that name no version themselves and have none among the managed ones either. */
    private static Stream<String> unpinned(String xml, String kind, List<String> managed) {
        return elements(xml, kind)
                .filter(e -> !e.contains("<version>${"))
                .map(e -> element(e, "artifactId"))
                .filter(name -> managed.stream()
                        .noneMatch(m -> element(m, "artifactId").equals(name) && m.contains("<version>")));
    }
}
