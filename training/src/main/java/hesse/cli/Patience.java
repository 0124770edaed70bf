package hesse.cli;

import hesse.collective.Ranks;
import hesse.run.Console;
import hesse.run.Interruption;
import java.util.function.BooleanSupplier;

/** Asked between products: says every half a minute that it is still at work, and whether it is to end, equally on all ranks. */
final class Patience implements BooleanSupplier {
    private static final long PAUSE = 30_000_000_000L;

    private final Console console;
    private final Interruption interruption;
    private final Ranks ranks;
    private long asked;
    private long spoke = System.nanoTime();

    Patience(Console console, Interruption interruption, Ranks ranks) {
        this.console = console;
        this.interruption = interruption;
        this.ranks = ranks;
    }

    @Override
    public boolean getAsBoolean() {
        asked++;
        if (System.nanoTime() - spoke > PAUSE) {
            spoke = System.nanoTime();
            console.log(asked + " products so far");
        }
        return isAsked();
    }

    /** Whether any of the processes was asked to end. All of them have to ask this together. */
    boolean isAsked() {
        if (ranks.size() == 1) return interruption.asked();
        return ranks.fromAll(new byte[] {(byte) (interruption.asked() ? 1 : 0)}).stream()
                .anyMatch(answer -> answer[0] != 0);
    }
}
