#include "filters_boundary.hpp"

#include <cstring>
#include <limits>

namespace vsr {

Plane HeldFloats::take(PyObject* object, bool writable) {
    if (PyErr_Occurred()) return Plane{};
    if (count_ == kFilterInputs + kFilterOutputs) {
        PyErr_SetString(PyExc_ValueError, "too many planes for one filter");
        return Plane{};
    }
    HeldPlane& held = planes_[count_++];
    if (!held.take(object, writable)) return Plane{};
    if (held.plane.bytes == 4) return held.plane;
    PyErr_SetString(PyExc_TypeError, "filters work on planes of float32");
    return Plane{};
}

bool same_size(const Plane* planes, int count) {
    for (int i = 0; i < count; ++i) {
        if (!planes[i].data) return false;
        if (planes[i].width == planes[0].width && planes[i].height == planes[0].height) continue;
        PyErr_SetString(PyExc_ValueError, "the planes of a filter have one size");
        return false;
    }
    return true;
}

namespace {

int index_of(const char* name, const char* const* names, int count) {
    for (int i = 0; i < count; ++i)
        if (std::strcmp(names[i], name) == 0) return i;
    PyErr_Format(PyExc_ValueError, "there is no filter %s", name);
    return -1;
}

bool take_three(PyObject* tuple, HeldFloats& held, bool writable, Plane* planes) {
    if (PyTuple_Size(tuple) != 3) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "a picture has three planes");
        return false;
    }
    for (int i = 0; i < 3; ++i) planes[i] = held.take(PyTuple_GetItem(tuple, i), writable);
    return same_size(planes, 3);
}

// Texels of these planes are addressed by 32-bit offsets, in floats.
bool can_gather(const Plane* planes, int count) {
    for (int i = 0; i < count; ++i) {
        const std::int64_t stride = planes[i].stride;
        if (stride >= 0 && stride % 4 == 0 &&
            stride / 4 * planes[i].height <= std::numeric_limits<std::int32_t>::max())
            continue;
        PyErr_SetString(PyExc_ValueError, "planes to warp have strides of whole floats and less than 2^31 of them");
        return false;
    }
    return true;
}

bool take_input(PyObject* tuple, HeldFloats& held, const Plane& out, PlaneIn& in) {
    PyObject *plane, *columns, *rows;
    if (!PyArg_ParseTuple(tuple, "OOO", &plane, &columns, &rows)) return false;
    in = PlaneIn{held.take(plane, false), bank_of(columns), bank_of(rows)};
    return in.plane.data && in.columns && in.rows && fits(*in.columns, in.plane.width, out.width, "columns") &&
           fits(*in.rows, in.plane.height, out.height, "rows");
}

}  // namespace

bool point_job(const char* point, PyObject* inputs, PyObject* outputs, PyObject* factors, HeldFloats& held,
               PointJob& job) {
    job.point = index_of(point, kPoints, kPointCount);
    if (job.point < 0 || !floats_of(factors, kFilterFactors, job.factors)) return false;
    job.inputs = kPointInputs[job.point];
    job.outputs = kPointOutputs[job.point];
    if (PyTuple_Size(inputs) != job.inputs || PyTuple_Size(outputs) != job.outputs) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_ValueError, "%s has %d inputs and %d outputs", point, job.inputs, job.outputs);
        return false;
    }
    for (int i = 0; i < job.outputs; ++i) job.out[i] = held.take(PyTuple_GetItem(outputs, i), true);
    if (!same_size(job.out, job.outputs)) return false;
    for (int i = 0; i < job.inputs; ++i)
        if (!take_input(PyTuple_GetItem(inputs, i), held, job.out[0], job.in[i])) return false;
    return true;
}

bool warp_job(PyObject* steers, PyObject* inputs, PyObject* outputs, HeldFloats& held, WarpJob& job) {
    if (!take_three(inputs, held, false, job.in) || !take_three(outputs, held, true, job.out)) return false;
    if (PyTuple_Size(steers) != 2) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "a warp has two steers");
        return false;
    }
    for (int i = 0; i < 2; ++i)
        if (!take_input(PyTuple_GetItem(steers, i), held, job.out[0], job.steer[i])) return false;
    const Plane steer[] = {job.steer[0].plane, job.steer[1].plane};
    return same_size(steer, 2) && can_gather(steer, 2) && can_gather(job.in, 3);
}

bool bilateral_job(const char* kind, PyObject* inputs, PyObject* outputs, PyObject* spatial, PyObject* factors,
                   HeldFloats& held, BilateralJob& job) {
    const int index = index_of(kind, kBilaterals, 3);
    if (index < 0) return false;
    job.kind = Bilateral(index);
    if (job.radius < 0 || job.radius > kMaxRadius) {
        PyErr_Format(PyExc_ValueError, "a radius is 0 to %d", kMaxRadius);
        return false;
    }
    float values[3];
    const int side = 2 * job.radius + 1;
    if (!take_three(inputs, held, false, job.in) || !take_three(outputs, held, true, job.out) ||
        !floats_of(spatial, side * side, job.spatial) || !floats_of(factors, 3, values))
        return false;
    job.sigma = values[0];
    job.curve = values[1];
    job.regularization = values[2];
    const Plane ends[] = {job.in[0], job.out[0]};
    return same_size(ends, 2);
}

}  // namespace vsr
