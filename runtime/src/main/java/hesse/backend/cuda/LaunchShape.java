package hesse.backend.cuda;

/** How many blocks of how many threads a kernel is started with, and the shared memory of each block in bytes. */
public record LaunchShape(int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ, int sharedBytes) {
    public LaunchShape {
        if (gridX < 1 || gridY < 1 || gridZ < 1 || blockX < 1 || blockY < 1 || blockZ < 1 || sharedBytes < 0) {
            throw new IllegalArgumentException("an empty launch: grid " + gridX + "x" + gridY + "x" + gridZ + ", block "
                    + blockX + "x" + blockY + "x" + blockZ + ", shared bytes " + sharedBytes);
        }
        if (gridY > 65_535 || gridZ > 65_535 || (long) blockX * blockY * blockZ > 1024) {
            throw new IllegalArgumentException("too large a launch: grid " + gridX + "x" + gridY + "x" + gridZ
                    + ", block " + blockX + "x" + blockY + "x" + blockZ);
        }
    }

    /** A row of blocks without shared memory. */
    public static LaunchShape row(int grid, int block) {
        return new LaunchShape(grid, 1, 1, block, 1, 1, 0);
    }
}
