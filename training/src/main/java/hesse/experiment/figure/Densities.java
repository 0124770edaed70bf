package hesse.experiment.figure;

import hesse.experiment.figure.Figure.Axes;
import hesse.experiment.figure.Figure.Line;
import hesse.experiment.figure.Figure.Lines;
import hesse.experiment.figure.Figure.Panel;
import hesse.experiment.figure.Figure.Style;
import hesse.experiment.outcome.Outcomes;
import hesse.experiment.outcome.Series;
import java.util.ArrayList;
import java.util.List;

/** Spectral densities after training, of the first seed of each arm and place. */
record Densities(String probe) implements FigureKind {
    @Override
    public List<Panel> panels(Outcomes outcomes, String title) {
        var lines = new ArrayList<Line>();
        for (var arm : outcomes.arms()) {
            var own = outcomes.arm(arm);
            for (var place : own.places()) {
                var run = own.at(place).all().getFirst().folder();
                double[] x = Series.lastArray(run, probe, "grid");
                double[] y = Series.lastArray(run, probe, "values");
                if (x.length == 0 || x.length != y.length) continue;
                lines.add(Line.of(arm + (place.isEmpty() ? "" : ", " + Outcomes.describe(place)), x, y, Style.PLAIN));
            }
        }
        return List.of(new Lines(title, new Axes("eigenvalue λ", "density", false, true), lines));
    }
}
