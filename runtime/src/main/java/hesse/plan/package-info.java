/**
 * From a finished graph to a plan: what is stored and what recomputed, in which order, fused into which kernels, at which
 * place of one memory slab. Plans name no backend.
 */
@NullMarked
package hesse.plan;

import org.jspecify.annotations.NullMarked;
