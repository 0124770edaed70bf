package hesse.cli;

import hesse.run.Console;
import hesse.run.Interruption;
import java.util.function.BooleanSupplier;

/** Asked between products: says every half a minute that it is still at work. */
final class Patience implements BooleanSupplier {
    private static final long PAUSE = 30_000_000_000L;

    private final Console console;
    private final Interruption interruption;
    private long asked;
    private long spoke = System.nanoTime();

    Patience(Console console, Interruption interruption) {
        this.console = console;
        this.interruption = interruption;
    }

    @Override
    public boolean getAsBoolean() {
        asked++;
        if (System.nanoTime() - spoke > PAUSE) {
            spoke = System.nanoTime();
            console.log(asked + " products so far");
        }
        return interruption.asked();
    }
}
