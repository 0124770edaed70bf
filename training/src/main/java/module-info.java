/** Data, optimizers, methods, probes, runs, experiments, and the command {@code hesse}. */
module hesse.training {
    requires transitive hesse.models;
    requires static transitive org.jspecify;
    requires info.picocli;
    requires java.desktop;
    requires java.net.http;
    requires me.tongfei.progressbar;
    requires xchart;
    requires org.snakeyaml.engine;
    requires tools.jackson.core;
    requires tools.jackson.databind;

    exports hesse.curvature;
    exports hesse.data;
    exports hesse.optim;
    exports hesse.run;
    exports hesse.sharpness;
}
