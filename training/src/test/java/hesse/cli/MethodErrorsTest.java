package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a method cannot be asked for ends with 2, before anything runs, and the message says what is allowed. */
class MethodErrorsTest {
    private static final String BATCH_NORM =
            "model={kind: cnn, activation: gelu, blocks: [{channels: 4, kernel: 3, norm: batch}]}";

    @TempDir
    Path folder;

    private String refused(String... set) {
        var run = folder.resolve("run");
        var args = new ArrayList<>(
                List.of("train", "digits-mlp", "--quiet", "--out", run.toString(), "--set", "train.steps=1"));
        for (var s : set) args.addAll(List.of("--set", s));
        var message = CommandLineRun.of(args.toArray(String[]::new)).failed(2);
        var metrics = run.resolve("metrics.jsonl");
        assertTrue(!Files.exists(metrics) || metrics.toFile().length() == 0, "nothing was trained");
        return message;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{kind: sam, rho: -0.1}                                        | method.rho should be a number, at least 0, is the number -0.1",
                "{kind: psam, rho: .inf}                                       | method.rho should be a number, at least 0",
                "{kind: psam, rho: {kind: cosine, from: -1, to: 0.1}}          | method.rho.from should be a number, at least 0",
                "{kind: gradient_penalty, rho: 0.1, p: 0.5}                    | method.p should be a number, at least 1, is the number 0.5",
                "{kind: fd_gradient_penalty, rho: 0.1, radius: 0}              | method.radius should be a number, above 0",
                "{kind: fd_gradient_penalty, rho: 0.1}                         | method lacks 'radius', a number, above 0",
                "{kind: hessian_trace, sigma2: 0.1, probes: 0}                 | method.probes should be a whole number, at least 1",
                "{kind: gn_trace, sigma2: 0.1, estimator: hutchinson, probes: 0} | method.probes should be a whole number, at least 1",
                "{kind: trace_mix, sigma2: 0.1, c: 1, probes: -1}              | method.probes should be a whole number, at least 1",
                "{kind: weight_noise, sigma2: 0.1, draws: 0}                   | method.draws should be a whole number, at least 1",
                "{kind: hessian_trace, sigma2: .nan}                           | method.sigma2 should be a number, at least 0",
                "{kind: trace_mix, sigma2: 0.1, c: .nan}                       | method.c should be a number",
                "{kind: gn_trace, sigma2: -1}                                  | method.sigma2 should be a number, at least 0",
                "{kind: sam, rho: 0.1, m: 0}                                   | method.m should be a whole number, at least 1",
                "{kind: sam, rho: 0.1, nme: none}                              | unknown key 'nme' in method; allowed for kind sam: kind, rho, m, interval",
                "{kind: gn_trace, sigma2: 0.1, nme: none}                      | unknown key 'nme' in method; allowed for kind gn_trace: kind, sigma2",
                "{kind: weight_noise, sigma2: 0.1, nme: full}                  | unknown key 'nme' in method; allowed for kind weight_noise: kind, sigma2, draws, antithetic",
                "{kind: psam, rho: 0.1, nme: half}                             | full, none, without_activation, only_activation"
            })
    void whatAMethodCannotBeAskedFor(String method, String expected) {
        var message = refused("method=" + method);
        assertTrue(message.contains(expected), message);
    }

    @ParameterizedTest
    @CsvSource({"sampled_labels", "straight_through"})
    void labelsAreNotDrawnFromRegressions(String estimator) {
        var message = refused("loss={kind: mse}", "method={kind: gn_trace, sigma2: 0.1, estimator: " + estimator + "}");
        assertTrue(message.contains("method.estimator"), message);
        assertTrue(message.contains("cross-entropy"), message);
        assertTrue(message.contains("hutchinson"), message);
    }

    @Test
    void aBatchWhoseStatisticsNormaliseIsNotComputedInParts() {
        var message = refused(BATCH_NORM, "train.micro_batch=16", "method={kind: psam, rho: 0.1}");
        assertTrue(message.contains("train.micro_batch"), message);
        assertTrue(message.contains("method.norm_statistics=micro (or frozen)"), message);
    }

    @Test
    void groupsAreNotCut() {
        var message = refused("train.micro_batch=16", "method={kind: sam, rho: 0.1, m: 10}");
        assertTrue(message.contains("Choose a multiple of 10"), message);
    }
}
