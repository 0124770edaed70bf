/** Benchmarks: contributes {@code hesse bench} and holds the JMH suites. */
module hesse.bench {
    requires transitive hesse.training;
    requires static transitive org.jspecify;
    requires info.picocli;
    requires java.desktop;
    requires java.management;
    requires jdk.management;
    requires tools.jackson.databind;
    requires static jdk.incubator.vector;
    requires static jmh.core;

    opens hesse.bench to
            info.picocli;

    provides hesse.cli.Command with
            hesse.bench.BenchCommand,
            hesse.bench.ConformanceCommand;
}
