package hesse.backend.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * Defines the project's classes anew. The JVM ties a native library to the class loader that loaded it, so that fake libraries loaded by
 * classes of this loader are seen by these classes only, and never by the rest of the process.
 */
final class IsolatedLoader extends ClassLoader {
    IsolatedLoader(ClassLoader parent) {
        super("isolated", parent);
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        synchronized (getClassLoadingLock(name)) {
            var loaded = findLoadedClass(name);
            if (loaded != null) return loaded;
            if (!name.startsWith("hesse.")) return super.loadClass(name, resolve);
            try (var bytes = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
                if (bytes == null) throw new ClassNotFoundException(name);
                var content = bytes.readAllBytes();
                return defineClass(name, content, 0, content.length);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
