package hesse.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reports in a headless Chromium: they draw, answer, and bother neither console nor network. */
@Tag("browser")
class ReportBrowserTest {
    private static final String FIRST = "hesseReport.find(v => v.figure.title === 'Test accuracy')";
    private static final String ELEMENT = "document.getElementById(" + FIRST + ".figure.id)";

    private static final List<String> METHODS = List.of("sgd", "sam", "psam");

    @TempDir
    static Path folder;

    private static Browser browser;

    @BeforeAll
    static void open() throws Exception {
        var command = Browser.installed();
        assumeTrue(command.isPresent(), "no Chromium: reports are not tried in a browser");
        for (int seed = 0; seed < 2; seed++) {
            for (int m = 0; m < METHODS.size(); m++)
                MadeRuns.run(
                        folder.resolve("runs/" + METHODS.get(m) + seed), METHODS.get(m), seed, 0.1 * seed + 0.3 * m);
        }
        MadeRuns.experiment(folder.resolve("runs/B1"), "B1", "reproduced");
        Report.of(List.of(folder.resolve("runs")), line -> {}).write(folder.resolve("report.html"));
        browser = new Browser(command.get(), folder.resolve("profile"));
    }

    @AfterAll
    static void close() {
        if (browser != null) browser.close();
    }

    @BeforeEach
    void load() throws InterruptedException {
        browser.window(1200, 900);
        browser.darkMode(false);
        browser.open(folder.resolve("report.html"));
    }

    @AfterEach
    void neitherConsoleNorNetworkHearsOfIt() {
        assertEquals(List.of(), browser.complaints());
        var page = folder.resolve("report.html").toUri().toString();
        assertTrue(
                browser.requests().stream().allMatch(u -> u.equals(page) || u.startsWith("data:")),
                () -> browser.requests().toString());
    }

    /** How many pixels of a figure have about the colour of a curve. */
    private static int painted(String view, int series) {
        return browser.evaluate("""
                (() => {
                  const v = %s, c = v.plot.root.querySelector('canvas');
                  const probe = document.createElement('canvas').getContext('2d');
                  probe.fillStyle = getComputedStyle(document.documentElement)
                      .getPropertyValue('--c' + v.figure.series[%d].colour).trim();
                  probe.fillRect(0, 0, 1, 1);
                  const want = probe.getImageData(0, 0, 1, 1).data;
                  const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
                  let n = 0;
                  for (let i = 0; i < p.length; i += 4)
                    if (p[i + 3] > 200 && Math.abs(p[i] - want[0]) + Math.abs(p[i + 1] - want[1]) + Math.abs(p[i + 2] - want[2]) < 12) n++;
                  return n;
                })()""".formatted(view, series)).asInt();
    }

    private static String text(String expression) {
        return browser.evaluate(expression).asString();
    }

    private static double width() {
        return browser.evaluate(FIRST + ".plot.scales.x.max - " + FIRST + ".plot.scales.x.min")
                .asDouble();
    }

    @Test
    void everyFigureHasDataAndPaintsItsCurves() {
        int figures = browser.evaluate("document.querySelectorAll('[data-figure]').length")
                .asInt();
        assertEquals(figures, browser.evaluate("hesseReport.length").asInt());
        assertTrue(figures >= 7, () -> "only " + figures);
        for (int f = 0; f < figures; f++) {
            var view = "hesseReport[" + f + "]";
            int series = browser.evaluate(view + ".figure.series.length").asInt();
            for (int s = 0; s < series; s++) {
                int at = s;
                assertTrue(
                        painted(view, s) > 20,
                        () -> text(view + ".figure.title") + ": curve " + at + " is not to be seen");
            }
        }
    }

    @Test
    void aClickOrAKeyTogglesACurve() {
        var legend = ELEMENT + ".querySelectorAll('.legend button')[1]";
        int before = painted(FIRST, 1);
        browser.click(legend);
        assertEquals("false", text(legend + ".getAttribute('aria-pressed')"));
        int off = painted(FIRST, 1);
        assertTrue(off < before / 4, () -> before + " pixels, then " + off);
        browser.evaluate(legend + ".focus()");
        browser.key("Enter");
        assertEquals("true", text(legend + ".getAttribute('aria-pressed')"));
        assertEquals(before, painted(FIRST, 1));
    }

    @Test
    void thePointerReadsValues() {
        var place = browser.center(FIRST + ".plot.over");
        var where = ELEMENT + ".querySelector('.place').textContent";
        var value = ELEMENT + ".querySelector('.legend output').textContent";
        assertEquals("last values", text(where));
        browser.mouse("mouseMoved", place[0], place[1]);
        browser.settle();
        int index = browser.evaluate(FIRST + ".plot.cursor.idx").asInt();
        var data = browser.evaluate(FIRST + ".plot.data");
        assertTrue(text(where).endsWith(" " + data.get(0).get(index).asInt()), () -> text(where));
        assertEquals(data.get(1).get(index).asDouble(), Double.parseDouble(text(value)), 1e-4);
    }

    @Test
    void draggingAndKeysZoom() {
        double whole = width();
        var place = browser.center(FIRST + ".plot.over");
        browser.mouse("mouseMoved", place[0] - 100, place[1]);
        browser.mouse("mousePressed", place[0] - 100, place[1]);
        for (int i = 1; i <= 4; i++) browser.mouse("mouseMoved", place[0] - 100 + 50 * i, place[1]);
        browser.mouse("mouseReleased", place[0] + 100, place[1]);
        browser.settle();
        assertTrue(width() < whole / 2, () -> width() + " of " + whole);
        browser.evaluate(FIRST + ".place.focus()");
        browser.key("0");
        assertEquals(whole, width(), 1e-9);
        browser.key("+");
        assertTrue(width() < 0.7 * whole);
    }

    @Test
    void oneChoiceOfAxisIsForAllFigures() {
        browser.click("document.querySelector('input[value=seconds]')");
        var labels = browser.evaluate(
                "hesseReport.filter(v => 'seconds' in v.figure.axes).map(v => v.plot.series[0].label)");
        assertTrue(labels.size() > 5);
        for (var label : labels) assertEquals("seconds of steps", label.asString());
        var last = browser.evaluate(FIRST + ".plot.data[0].at(-1)").asDouble();
        assertEquals(1, last, 1e-9);
    }

    @Test
    void bothThemesAreDrawn() {
        var paper = "getComputedStyle(document.body).backgroundColor";
        var light = text(paper);
        browser.darkMode(true);
        assertNotEquals(light, text(paper));
        for (int s = 0; s < 3; s++) assertTrue(painted(FIRST, s) > 20);
        browser.window(400, 800);
        browser.evaluate("dispatchEvent(new Event('resize'))");
        browser.settle();
        assertTrue(
                browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
                        .asBoolean(),
                "no sideways scrolling");
    }

    /** The rules of axe-core, contrast included, in both themes; curves have a contrast of 3 with the paper. */
    @Test
    void everybodyCanReadIt() throws IOException {
        try (var axe = ReportBrowserTest.class
                .getClassLoader()
                .getResourceAsStream("META-INF/resources/webjars/axe-core/4.6.3/axe.min.js")) {
            browser.evaluate(new String(axe.readAllBytes(), StandardCharsets.UTF_8) + "; 1");
        }
        for (boolean dark : new boolean[] {false, true}) {
            browser.darkMode(dark);
            var violations = browser.evaluate("axe.run().then(r => r.violations.map(v => v.id + ': ' + v.help + ' '"
                    + " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 120)).join(' | ')))");
            assertEquals("[]", violations.toString());
            var contrasts = browser.evaluate("""
                    (() => {
                      const style = getComputedStyle(document.documentElement);
                      const light = name => {
                        const hex = style.getPropertyValue(name).trim();
                        const parts = [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16) / 255)
                            .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
                        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
                      };
                      const paper = light('--paper');
                      return [0, 1, 2, 3, 4, 5, 6, 7].map(i => light('--c' + i))
                          .map(l => (Math.max(l, paper) + 0.05) / (Math.min(l, paper) + 0.05));
                    })()""");
            for (var c : contrasts) assertTrue(c.asDouble() >= 3, contrasts::toString);
        }
    }
}
