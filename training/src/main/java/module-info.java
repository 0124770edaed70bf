/** Data, optimizers, methods, probes, runs, experiments, and the command {@code hesse}. */
module hesse.training {
    requires transitive hesse.models;
    requires static transitive org.jspecify;
    requires com.google.protobuf;
    requires info.picocli;
    requires java.desktop;
    requires java.management;
    requires java.net.http;
    requires java.xml;
    requires jdk.management;
    requires me.tongfei.progressbar;
    requires xchart;
    requires org.apache.commons.compress;
    requires org.apache.xmlgraphics.batik.svggen;
    requires org.snakeyaml.engine;
    requires tools.jackson.core;
    requires tools.jackson.databind;

    exports hesse.cli;
    exports hesse.curvature;
    exports hesse.data;
    exports hesse.experiment;
    exports hesse.optim;
    exports hesse.report;
    exports hesse.run;
    exports hesse.sharpness;

    opens hesse.cli to
            info.picocli;

    uses hesse.cli.Command;

    provides hesse.cli.Command with
            hesse.cli.ConfigCommand,
            hesse.cli.CurvatureCommand,
            hesse.cli.DataCommand,
            hesse.cli.DoctorCommand,
            hesse.cli.EvaluateCommand,
            hesse.cli.ModelCommand,
            hesse.cli.ProductCommand,
            hesse.cli.QuickstartCommand,
            hesse.cli.ReportCommand,
            hesse.cli.ReproduceCommand,
            hesse.cli.SweepCommand,
            hesse.cli.TrainCommand;
}
