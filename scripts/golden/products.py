"""Losses and the products of section "hesse product", each by a route of its own, with checks against central differences and frozen jets.

H v: double backward. J: row by row. G v: J^T (H_z (J v)) with H_z an explicit matrix. N v: gradient of (J^T c).v with c = dL/dz constant.
N_rest v: the same with the derivative of every phi' dropped; N_act v = N v - N_rest v. Gradients of the quadratic forms: third backward.
"""

import torch

import activations

grad = torch.autograd.grad


def targets(config, z, y):
    if y.dtype != torch.int64:
        return y
    onehot = torch.nn.functional.one_hot(y, z.shape[-1]).to(z.dtype)
    smoothing = config.get("label_smoothing", 0.0)
    return (1 - smoothing) * onehot + smoothing / z.shape[-1] if smoothing else onehot


def loss_of(config, z, y):
    t = targets(config, z, y)
    if config["kind"] == "cross-entropy":
        shifted = z - z.detach().max(-1, keepdim=True).values
        log_softmax = shifted - torch.log(torch.exp(shifted).sum(-1, keepdim=True))
        return -(t * log_softmax).sum() / (z.numel() // z.shape[-1])
    error = (z - t) ** 2
    reduction = config.get("reduction", "mean")
    if reduction == "mean":
        return error.mean()
    return error.sum() / z.shape[0] * {"sum_outputs": 1.0, "half_sum_outputs": 0.5}[reduction]


def curvature_times(config, z, y, u, differentiate=True):
    """H_z u in closed form."""
    if config["kind"] == "cross-entropy":
        p = torch.softmax(z if differentiate else z.detach(), -1)
        mass = targets(config, z, y).sum(-1, keepdim=True)
        return mass * (p * u - p * (p * u).sum(-1, keepdim=True)) / (z.numel() // z.shape[-1])
    reduction = config.get("reduction", "mean")
    return u * {"mean": 2.0 / z.numel(), "sum_outputs": 2.0 / z.shape[0], "half_sum_outputs": 1.0 / z.shape[0]}[reduction]


def dots(a, b):
    return sum((x * y).sum() for x, y in zip(a, b))


def norm(a):
    return torch.sqrt(dots(a, a))


def gradients(scalar, at, **kwargs):
    if not scalar.requires_grad:
        return [torch.zeros_like(a) for a in at]
    return [torch.zeros_like(a) if g is None else g for g, a in zip(grad(scalar, at, allow_unused=True, **kwargs), at)]


class Problem:
    """A network, its loss and a batch: everything a function of a list of parameter tensors."""

    def __init__(self, net, loss, x, y):
        self.net, self.config, self.x, self.y = net, loss, x, y
        self.names = list(net.shapes)

    def leaves(self, theta):
        return [t.detach().clone().requires_grad_() for t in theta]

    def logits(self, theta):
        return self.net(dict(zip(self.names, theta)), self.x)

    def loss(self, theta):
        return loss_of(self.config, self.logits(theta), self.y)

    def gradient(self, theta):
        theta = self.leaves(theta)
        return gradients(self.loss(theta), theta)

    def hvp(self, theta, v):
        theta = self.leaves(theta)
        g = gradients(self.loss(theta), theta, create_graph=True)
        return gradients(dots(g, v), theta)

    def jvp(self, theta, v, z=None):
        """J v by two vector-Jacobian products, differentiable in theta."""
        z = self.logits(theta) if z is None else z
        u = torch.zeros_like(z, requires_grad=True)
        jtu = gradients((z * u).sum(), theta, create_graph=True)
        return grad(dots(jtu, v), u, create_graph=True)[0]

    def gnvp(self, theta, v):
        """J^T (H_z (J v)), J by rows, H_z as an explicit matrix by double backward of the loss in z."""
        theta = self.leaves(theta)
        z = self.logits(theta)
        n = z.numel()
        if n * sum(t.numel() for t in theta) > 2e7:
            tangent = self.jvp(theta, v, z).detach()
            hz = curvature_times(self.config, z, self.y, tangent).detach()
            return gradients((z * hz).sum(), theta), tangent
        rows = [gradients(part, theta, retain_graph=True) for part in z.flatten()]
        tangent = torch.stack([dots(row, v) for row in rows])
        free = z.detach().requires_grad_()
        gz = grad(loss_of(self.config, free, self.y), free, create_graph=True)[0].flatten()
        hz = torch.stack([grad(part, free, retain_graph=True)[0].flatten() for part in gz])
        weights = hz @ tangent
        return [sum(w * row[i] for w, row in zip(weights, rows)) for i in range(len(theta))], tangent.view_as(z)

    def nmevp(self, theta, v, rest=False, y=None):
        theta = self.leaves(theta)
        z = self.logits(theta)
        c = gradients(loss_of(self.config, z, self.y if y is None else y), [z], retain_graph=True)[0].detach()
        jtc = gradients((z * c).sum(), theta, create_graph=True)
        if not rest:
            return gradients(dots(jtc, v), theta)
        with activations.second_derivatives_dropped():
            return gradients(dots(jtc, v), theta)

    def gradient_of_vhv(self, theta, v):
        theta = self.leaves(theta)
        g = gradients(self.loss(theta), theta, create_graph=True)
        value = dots(gradients(dots(g, v), theta, create_graph=True), v)
        return gradients(value, theta), value.detach()

    def gradient_of_vgv(self, theta, v, differentiate_hz=True):
        theta = self.leaves(theta)
        z = self.logits(theta)
        tangent = self.jvp(theta, v, z)
        value = (tangent * curvature_times(self.config, z, self.y, tangent, differentiate_hz)).sum()
        return gradients(value, theta), value.detach()

    def gradient_of_vnv(self, theta, v, rest=False):
        """Gradient of v^T N v, or of v^T N_rest v: phi'' dropped in N's own differentiation only, true afterwards."""
        theta = self.leaves(theta)
        z = self.logits(theta)
        c_of_z = grad(loss_of(self.config, z, self.y), z, create_graph=True)[0]
        c = c_of_z.detach().requires_grad_()
        jtc = gradients((z * c).sum(), theta, create_graph=True)
        if rest:
            with activations.second_derivatives_dropped():
                nv = gradients(dots(jtc, v), theta, create_graph=True)
        else:
            nv = gradients(dots(jtc, v), theta, create_graph=True)
        value = dots(nv, v)
        if not value.requires_grad:
            return [torch.zeros_like(t) for t in theta], value.detach()
        *direct, by_c = gradients(value, theta + [c], retain_graph=True)
        through = gradients((c_of_z * by_c).sum(), theta)
        return [a + b for a, b in zip(direct, through)], value.detach()


def all_products(problem, theta, v, third=True):
    """Everything of `hesse product` (third order only where asked), as name -> tensor in the order of the parameters."""
    theta = problem.leaves(theta)
    z = problem.logits(theta)
    loss = loss_of(problem.config, z, problem.y)
    gradient = gradients(loss, theta)
    hvp = problem.hvp(theta, v)
    gnvp, jvp = problem.gnvp(theta, v)
    nmevp = problem.nmevp(theta, v)
    rest = problem.nmevp(theta, v, rest=True)
    act = [a - b for a, b in zip(nmevp, rest)]
    grad_vhv = problem.gradient_of_vhv(theta, v)[0] if third else []
    grad_vgv = problem.gradient_of_vgv(theta, v)[0] if third else []
    result = {"loss": loss, "logits": z, "jvp": jvp}
    for kind, tensors in (
        ("gradient", gradient), ("hvp", hvp), ("gnvp", gnvp), ("nmevp", nmevp), ("nme_act_vp", act), ("nme_rest_vp", rest),
        ("grad_vhv", grad_vhv), ("grad_vgv", grad_vgv),
    ):  # fmt: skip
        result.update({f"{kind}.{name}": t.detach() for name, t in zip(problem.names, tensors)})
    result.update(vhv=dots(hvp, v), vgv=dots(gnvp, v), vnv=dots(nmevp, v))
    return {name: t.detach() for name, t in result.items()}
