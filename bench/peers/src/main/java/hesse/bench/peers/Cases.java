package hesse.bench.peers;

import hesse.bench.ContractionCase;
import java.util.ArrayList;
import java.util.List;

/** What is compared: matrix products, convolutions in each direction, whole training steps. */
final class Cases {
    /** Networks by the names that {@link StepCase} and {@link TorchNet} know. */
    static final List<String> NETWORKS = List.of("mlp", "cnn", "wrn");

    static final List<String> METHODS = List.of("sgd", "psam");

    /** A set of cases, reported together. */
    enum Group {
        GEMM("SGEMM, n × n × n"),
        CONV("Convolutions (N C H W K R stride padding)"),
        STEP("Training steps");

        private final String title;

        Group(String title) {
            this.title = title;
        }

        String title() {
            return title;
        }

        /** The cases, each a line: a contraction as {@link ContractionCase} reads it, or {@code step NETWORK METHOD}. */
        List<String> lines() {
            var lines = new ArrayList<String>();
            switch (this) {
                case GEMM -> lines.addAll(ContractionCase.MATRICES);
                case CONV -> {
                    for (var direction : ContractionCase.DIRECTIONS) {
                        for (var sizes : ContractionCase.MIXED) lines.add(direction + " " + sizes);
                    }
                }
                case STEP -> {
                    for (var network : NETWORKS) {
                        for (var method : METHODS) lines.add("step " + network + " " + method);
                    }
                }
            }
            return lines;
        }
    }

    private Cases() {}
}
