package hesse.bench;

import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toUnmodifiableSet;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The walls inside the modules, which the module system does not see: who may know whom, read off the compiled classes. */
class ArchitectureTest {
    /** Each package of the runtime and the packages of Hesse it may know; a package below one of them lives by its rule. */
    private static final Map<String, Set<String>> MAY_KNOW = Map.ofEntries(
            Map.entry("hesse.error", Set.of()),
            Map.entry("hesse.tensor", Set.of("hesse.error")),
            Map.entry("hesse.scalar", Set.of("hesse.error", "hesse.tensor")),
            Map.entry("hesse.graph", Set.of("hesse.error", "hesse.tensor", "hesse.scalar")),
            Map.entry("hesse.autodiff", Set.of("hesse.error", "hesse.tensor", "hesse.scalar", "hesse.graph")),
            Map.entry("hesse.plan", Set.of("hesse.error", "hesse.tensor", "hesse.scalar", "hesse.graph")),
            Map.entry("hesse.collective", Set.of("hesse.error", "hesse.tensor", "hesse.bindings")),
            Map.entry(
                    "hesse.backend",
                    Set.of(
                            "hesse.error",
                            "hesse.tensor",
                            "hesse.scalar",
                            "hesse.graph",
                            "hesse.plan",
                            "hesse.collective")),
            Map.entry(
                    "hesse.cases",
                    Set.of(
                            "hesse.error",
                            "hesse.tensor",
                            "hesse.scalar",
                            "hesse.graph",
                            "hesse.autodiff",
                            "hesse.plan",
                            "hesse.backend",
                            "hesse.backend.reference")),
            Map.entry("hesse.backend.reference", backendKnows()),
            Map.entry("hesse.backend.cpu", backendKnows("hesse.backend.cpu.kernel")),
            Map.entry("hesse.backend.cpu.kernel", Set.of("hesse.error", "hesse.scalar", "hesse.tensor")),
            Map.entry("hesse.backend.cuda", backendKnows("hesse.bindings")));

    /** What jextract wrote, one package per library: large, and bound by none of these rules. */
    private static final Pattern GENERATED = Pattern.compile(".*/hesse/bindings/[a-z]+/.*");

    private static JavaClasses ours;

    private static Set<String> backendKnows(String... more) {
        return Stream.concat(
                        Stream.of(
                                "hesse.error",
                                "hesse.tensor",
                                "hesse.scalar",
                                "hesse.graph",
                                "hesse.plan",
                                "hesse.collective",
                                "hesse.backend"),
                        Stream.of(more))
                .collect(toUnmodifiableSet());
    }

    @BeforeAll
    static void readCompiledClasses() {
        var folders = Stream.of("bindings", "runtime", "models", "training", "bench")
                .map(module -> Path.of("..", module, "target", "classes", "hesse"))
                .toList();
        for (var folder : folders) assertTrue(Files.isDirectory(folder), () -> folder + " is not compiled");
        ours = new ClassFileImporter()
                .withImportOption(location -> !location.matches(GENERATED))
                .importPaths(folders);
    }

    @Test
    void packagesOfTheRuntimeKnowOnlyThoseBelow() {
        var violations = new ArrayList<String>();
        for (var from : ours) {
            var room = room(from.getPackageName());
            if (room.isEmpty()) continue;
            for (var dependency : from.getDirectDependenciesFromSelf()) {
                var target = dependency.getTargetClass().getBaseComponentType().getPackageName();
                if (!target.startsWith("hesse.") || room.equals(room(target))) continue;
                if (MAY_KNOW.get(room).stream()
                        .noneMatch(allowed -> isWithin(target, allowed) && exact(target, allowed))) {
                    violations.add(dependency.getDescription());
                }
            }
        }
        none(violations, "a package knows another that architecture.md does not let it know");
    }

    @Test
    void everyPackageOfTheRuntimeHasItsRule() {
        var unknown = runtimePackages().filter(p -> room(p).isEmpty()).toList();
        none(unknown, "a package of the runtime has no row in MAY_KNOW");
    }

    @Test
    void packagesFormNoCycle() {
        slices().matching("hesse.(**)")
                .should()
                .beFreeOfCycles()
                .allowEmptyShould(true)
                .check(ours);
    }

    /** The Vector API's own functions and floating reductions change bits when the second compiler takes over. */
    @Test
    void bitsDoNotDependOnTheCompiler() {
        var operators = Set.of(
                "EXP", "EXPM1", "LOG", "LOG1P", "LOG10", "POW", "HYPOT", "CBRT", "SIN", "COS", "TAN", "ASIN", "ACOS",
                "ATAN", "ATAN2", "SINH", "COSH", "TANH");
        Predicate<JavaAccess<?>> bad = access -> {
            var owner = access.getTargetOwner().getName();
            var name = access.getTarget().getName();
            return owner.equals("jdk.incubator.vector.VectorOperators") && operators.contains(name)
                    || owner.matches("jdk\\.incubator\\.vector\\.(Float|Double)Vector")
                            && name.startsWith("reduceLanes");
        };
        none(
                ours.stream()
                        .flatMap(c -> c.getAccessesFromSelf().stream())
                        .filter(bad)
                        .map(JavaAccess::getDescription)
                        .toList(),
                "a vector operation whose bits depend on the just-in-time compiler");
    }

    /** Downloads by {@code hesse data fetch}, and the sockets between the ranks of one run; nothing else opens a connection. */
    @Test
    void onlyFetchingAndRanksKnowTheNetwork() {
        Predicate<JavaClass> mayConnect = c -> c.getName().equals("hesse.data.Transfer")
                || c.getName().startsWith("hesse.data.Transfer$")
                || c.getPackageName().equals("hesse.collective");
        var network = Pattern.compile(
                "java\\.net\\.(http\\..*|(Server|Datagram|Multicast)?Socket.*|Inet.*|.*URLConnection"
                        + "|ProxySelector|Authenticator)|java\\.nio\\.channels\\.(Server|Asynchronous)?Socket.*"
                        + "|java\\.nio\\.channels\\.DatagramChannel|javax\\.net\\..*|java\\.rmi\\..*|com\\.sun\\.net\\.httpserver\\..*");
        none(
                dependencies(c -> !mayConnect.test(c), network),
                "a class that knows the network beside hesse.data.Transfer and hesse.collective");
        none(
                dependencies(
                        c -> !c.getName().matches("hesse\\.data\\.(Transfer|Fetcher)(\\$.*)?"),
                        Pattern.compile("hesse\\.data\\.Transfer(\\$.*)?")),
                "a class that downloads beside hesse.data.Fetcher");
        none(
                dependencies(
                        c -> !c.getName()
                                .matches("hesse\\.data\\.Fetcher(\\$.*)?|hesse\\.cli\\.DataFetchCommand(\\$.*)?"),
                        Pattern.compile("hesse\\.data\\.Fetcher(\\$.*)?")),
                "a class that fetches beside the command 'data fetch'");
        // a URL's stream is opened without naming a connection
        none(
                ours.stream()
                        .flatMap(c -> c.getMethodCallsFromSelf().stream())
                        .filter(call -> call.getTargetOwner().getName().equals("java.net.URL")
                                && call.getName().startsWith("open"))
                        .map(JavaAccess::getDescription)
                        .toList(),
                "a URL that is opened");
    }

    private static List<String> dependencies(Predicate<JavaClass> from, Pattern to) {
        return ours.stream()
                .filter(from)
                .flatMap(c -> c.getDirectDependenciesFromSelf().stream())
                .filter(d -> to.matcher(
                                d.getTargetClass().getBaseComponentType().getName())
                        .matches())
                .map(d -> d.getDescription())
                .toList();
    }

    /** What a clock that jumps could harm: only the times of events, which nothing reads, and the day on a proof's page. */
    @Test
    void onlyEventsAreDated() {
        none(
                ours.stream()
                        .filter(c -> !Set.of("hesse.run.EventFile", "hesse.bench.proof.Proof")
                                .contains(c.getName()))
                        .flatMap(c -> c.getMethodCallsFromSelf().stream())
                        .filter(call -> call.getTargetOwner().getName().equals("java.lang.System")
                                        && call.getName().equals("currentTimeMillis")
                                || call.getTargetOwner().getName().startsWith("java.time.")
                                        && call.getName().equals("now"))
                        .map(JavaAccess::getDescription)
                        .toList(),
                "a class that looks at the calendar's clock, which may jump");
    }

    /** Where the user's language would change the digits of a checkpoint's name, the point of a number or the letter i. */
    @Test
    void theUsersLanguageChangesNothing() {
        none(
                ours.stream()
                        .flatMap(c -> c.getMethodCallsFromSelf().stream())
                        .filter(ArchitectureTest::dependsOnLanguage)
                        .map(JavaAccess::getDescription)
                        .toList(),
                "a text made in the user's language");
    }

    private static boolean dependsOnLanguage(JavaMethodCall call) {
        var first = call.getTarget().getRawParameterTypes().stream()
                .findFirst()
                .map(JavaClass::getName)
                .orElse("");
        if (first.equals("java.util.Locale")) return false;
        return switch (call.getTargetOwner().getName()) {
            case "java.lang.String" ->
                Set.of("format", "formatted", "toLowerCase", "toUpperCase").contains(call.getName());
            case "java.io.PrintStream", "java.io.PrintWriter" ->
                Set.of("format", "printf").contains(call.getName());
            default -> false;
        };
    }

    /** What an object stream or a script engine would do with bytes from outside. */
    @Test
    void nothingIsDeserialised() {
        none(
                dependencies(
                        c -> true,
                        Pattern.compile("java\\.io\\.(ObjectInputStream|Externalizable).*|javax\\.script\\..*"
                                + "|java\\.beans\\.XMLDecoder")),
                "a class that makes objects of bytes");
    }

    @Test
    void staticsDoNotChange() {
        none(
                ours.stream()
                        .filter(ArchitectureTest::handWritten)
                        .flatMap(c -> c.getFields().stream())
                        .filter(f -> f.getModifiers().contains(JavaModifier.STATIC))
                        .filter(f -> !f.getModifiers().contains(JavaModifier.FINAL))
                        .filter(f -> !f.getModifiers().contains(JavaModifier.SYNTHETIC))
                        .map(JavaField::getFullName)
                        .toList(),
                "a static field that is not final");
    }

    @Test
    void everyPackageIsNullMarked() {
        none(
                ours.stream()
                        .filter(ArchitectureTest::handWritten)
                        .filter(c -> !c.getPackage().isAnnotatedWith(NullMarked.class))
                        .map(JavaClass::getPackageName)
                        .distinct()
                        .toList(),
                "a package without @NullMarked in its package-info.java");
    }

    private static Stream<String> runtimePackages() {
        return ours.stream()
                .filter(c -> c.getSource().orElseThrow().getUri().getPath().contains("/runtime/"))
                .map(JavaClass::getPackageName)
                .distinct()
                .sorted();
    }

    /** Not a class that JMH generated. */
    private static boolean handWritten(JavaClass c) {
        return !c.getPackageName().endsWith(".jmh_generated");
    }

    /** The row that a package lives by: its own or its nearest parent's; empty outside the runtime. */
    private static String room(String name) {
        for (var p = name; p.contains("."); p = p.substring(0, p.lastIndexOf('.'))) {
            if (MAY_KNOW.containsKey(p)) return p;
        }
        return "";
    }

    private static boolean isWithin(String name, String parent) {
        return name.equals(parent) || name.startsWith(parent + ".");
    }

    /** To know hesse.backend is not to know hesse.backend.cpu: a package with a row of its own must be named. */
    private static boolean exact(String target, String allowed) {
        var room = room(target);
        return room.isEmpty() || room.equals(allowed);
    }

    private static void none(List<String> found, String what) {
        if (!found.isEmpty()) {
            fail(what + ", " + found.size() + " times:\n  "
                    + found.stream().limit(20).collect(joining("\n  ")));
        }
    }
}
