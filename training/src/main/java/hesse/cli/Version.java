package hesse.cli;

import picocli.CommandLine.IVersionProvider;

/** The version of Hesse and of the JVM that runs it. */
final class Version implements IVersionProvider {
    /** Hesse's version, from its module descriptor; {@code development} when run from class files. */
    static String hesse() {
        return Version.class.getModule().getDescriptor() == null
                ? "development"
                : Version.class.getModule().getDescriptor().rawVersion().orElse("development");
    }

    /** Vendor, version and system of the JVM. */
    static String jvm() {
        return System.getProperty("java.vm.name") + " " + Runtime.version() + " (" + System.getProperty("java.vendor")
                + ", " + System.getProperty("os.name") + " " + System.getProperty("os.arch") + ")";
    }

    @Override
    public String[] getVersion() {
        return new String[] {"hesse " + hesse(), jvm()};
    }
}
