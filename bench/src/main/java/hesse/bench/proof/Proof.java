package hesse.bench.proof;

import hesse.backend.Backend;
import hesse.cases.Rounding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/** Runs parts of a proof one after the other and writes what they found as they find it, so that what is broken off leaves the rest. */
public final class Proof {
    private final Session session;
    private final String device;
    private final String version;
    private final List<Section> sections = new ArrayList<>();
    private final BiFunction<Session, Rounding, Backend> open;

    /**
     * @param version of Hesse, for the reports
     * @param device one line on what the backend runs on
     */
    public Proof(Session session, String version, String device) {
        this(session, version, device, Session::open);
    }

    /** @param open makes the backends that are compared with the interpreter */
    Proof(Session session, String version, String device, BiFunction<Session, Rounding, Backend> open) {
        this.session = session;
        this.version = version;
        this.device = device;
        this.open = open;
    }

    /** Runs a part, for so many seconds at most; what has begun then is finished. */
    public List<String> run(Part part, double seconds) {
        var budget = Budget.ofSeconds(seconds);
        Section section;
        try {
            section = switch (part) {
                case OPS, NETS, METHODS -> SuiteParts.run(part, session, budget, open);
                case SUPPORT -> SupportPart.run(session, budget);
                case CONTRACTIONS -> ContractionPart.run(session, budget);
                case KERNELS -> KernelPart.run(session, budget);
                case STEPS -> StepPart.run(session, budget);
            };
        } catch (RuntimeException e) {
            section = new Section(part);
            section.failure("broke off: " + Section.words(e));
        }
        sections.add(section);
        return section.text();
    }

    /** How much does not hold, or broke off. */
    public int failures() {
        return sections.stream().mapToInt(s -> s.failures().size()).sum();
    }

    /**
     * Everything so far, for programs: {@code parts} by name, each with its rows, failures, and what there was no time for. Whole steps
     * are in {@code rows} too, as {@code bench/peers} writes its own.
     */
    public Map<String, Object> toMap() {
        var m = new LinkedHashMap<String, Object>();
        m.put("program", "hesse");
        m.put("version", version);
        m.put("java", Runtime.version().toString());
        m.put("device", device);
        m.put("date", LocalDate.now(ZoneOffset.UTC).toString());
        m.put("seed", session.seed());
        var parts = new LinkedHashMap<String, Object>();
        sections.forEach(s -> parts.put(s.part().word(), s.toMap()));
        m.put("parts", parts);
        m.put(
                "rows",
                sections.stream()
                        .filter(s -> s.part() == Part.STEPS)
                        .flatMap(s -> s.rows().stream())
                        .toList());
        return m;
    }

    /** Writes {@code report.txt}, and the support table once it was asked for. */
    public void write(Path folder) throws IOException {
        var lines = new ArrayList<String>();
        lines.add("hesse " + version + ", " + device + ", seed " + session.seed());
        for (var s : sections) {
            lines.add("");
            lines.addAll(s.text());
            if (s.part() == Part.SUPPORT && !s.rows().isEmpty()) {
                var table = SupportPart.markdown(
                        s, device, LocalDate.now(ZoneOffset.UTC).toString());
                Files.writeString(folder.resolve("cuda-support.md"), table);
            }
        }
        Files.write(folder.resolve("report.txt"), lines);
    }
}
