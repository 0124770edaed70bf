package hesse.bench.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.Backend;
import hesse.backend.cuda.ConvolutionChoice;
import hesse.backend.cuda.ConvolutionSpec;
import hesse.backend.reference.ReferenceBackend;
import hesse.cases.OpCases;
import hesse.cases.Rounding;
import hesse.collective.Collective;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command that proves a backend on users' machines, tried on backends that run here. */
class ProofTest {
    private final long seed = System.nanoTime();

    private Session session(String backend, Rounding... roundings) {
        return new Session(backend, 1, List.of(roundings), seed, false, line -> {});
    }

    private static BiFunction<Session, Rounding, Backend> with(Rounding operands) {
        return (session, rounding) -> new ReferenceBackend(Collective.alone(), operands::round);
    }

    private String told(List<String> lines) {
        return "seed " + seed + "\n" + String.join("\n", lines);
    }

    @Test
    void everyCaseIsComparedAndRightOnesHold(@TempDir Path folder) throws Exception {
        var proof = new Proof(session("reference", Rounding.F64), "1", "here");
        var lines = proof.run(Part.OPS, 600);
        assertEquals(0, proof.failures(), told(lines));
        var section = (Map<?, ?>) ((Map<?, ?>) proof.toMap().get("parts")).get("ops");
        var subjects = ((List<?>) section.get("rows"))
                .stream().map(r -> ((Map<?, ?>) r).get("subject")).distinct().toList();
        assertEquals(OpCases.all().stream().map(c -> c.name()).toList(), subjects);
        proof.write(folder);
        assertTrue(Files.readString(folder.resolve("report.txt")).contains("order 2: "));
    }

    @Test
    void contractionsInAnotherPrecisionThanAskedForFail() {
        var proof = new Proof(session("reference", Rounding.F32), "1", "here", with(Rounding.BF16));
        var lines = proof.run(Part.OPS, 600);
        assertTrue(proof.failures() > 0, told(lines));
        // what has no contraction holds all the same
        assertTrue(lines.stream().noneMatch(l -> l.contains("FAILED gelu in f32")), told(lines));
        assertTrue(lines.stream().anyMatch(l -> l.matches(".*FAILED (mat|conv).* in f32.*")), told(lines));
    }

    @Test
    void whatThereIsNoTimeForIsListed() {
        var proof = new Proof(session("reference", Rounding.F64), "1", "here");
        var lines = proof.run(Part.NETS, 0);
        assertEquals(0, proof.failures());
        assertTrue(lines.getLast().contains("not run, the time was over: 8 (MLP in f64"), told(lines));
    }

    @Test
    void theSupportTableSaysHowEachConvolutionIsDoneAndWhyNotOtherwise() {
        var section = new Section(Part.SUPPORT);
        var asked = new ArrayList<ConvolutionSpec>();
        SupportPart.ask(section, Budget.ofSeconds(60), spec -> {
            asked.add(spec);
            if (spec.groups() == 64)
                return new ConvolutionChoice.Generated(List.of("NHWC: no | algorithm", "NCHW: none"));
            return new ConvolutionChoice.Direct(new ConvolutionChoice.Algorithm(1, 0, 0), List.of());
        });
        assertEquals(asked.size(), section.rows().size());
        var table = SupportPart.markdown(section, "a device", "today");
        assertTrue(table.contains("| 3×3 | forward | bf16 | bf16 | yes | cuDNN, channels last, 1 |  |"), table);
        assertTrue(
                table.contains("| 3×3, a group for each channel | filter gradient | tf32 | f32 | no | own kernel |"
                        + " NHWC: no \\| algorithm; NCHW: none |"),
                table);
    }
}
