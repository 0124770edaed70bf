package hesse.experiment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.run.Config;
import java.util.ArrayList;
import java.util.HashSet;
import org.junit.jupiter.api.Test;

/** The data files of the experiments: each reads, at each scale every configuration is one, and rules name what there is. */
class ExperimentsTest {
    @Test
    void everyExperimentHasThreeScalesWithConfigurationsThatRead() {
        for (var id : Experiment.IDS) {
            var e = Experiment.named(id);
            assertEquals(new HashSet<>(Experiment.SCALES), e.scales().keySet(), id);
            assertFalse(e.rule().text().isBlank(), id);
            e.scales().forEach((name, scale) -> {
                assertFalse(scale.cost().isBlank(), id + " " + name + " says nothing of its cost");
                assertFalse(scale.seeds().isEmpty());
                scale.panels()
                        .values()
                        .forEach(panel -> e.arms().values().forEach(arm -> {
                            if (arm.scales().isPresent() && !arm.scales().get().contains(name)) return;
                            for (var point : Setting.product(e.axes(scale, arm))) {
                                var overrides = new ArrayList<String>();
                                scale.set().forEach(s -> overrides.add(s.override()));
                                panel.set().forEach(s -> overrides.add(s.override()));
                                arm.set().forEach(s -> overrides.add(s.override()));
                                point.forEach(s -> overrides.add(s.override()));
                                Config.load(panel.base(), overrides);
                            }
                        }));
            });
        }
    }

    @Test
    void smokeNeedsNoDataButThoseOfTheJar() {
        for (var id : Experiment.IDS) {
            var scale = Experiment.named(id).scales().get("smoke");
            for (var panel : scale.panels().values()) {
                var overrides = new ArrayList<String>();
                scale.set().forEach(s -> overrides.add(s.override()));
                panel.set().forEach(s -> overrides.add(s.override()));
                var data = Config.load(panel.base(), overrides).data();
                boolean inJar = data.isEmpty()
                        || data.get().name().equals("digits")
                        || data.get().train().orElseThrow().toString().contains("$texts/");
                assertTrue(inJar, id);
            }
        }
    }
}
