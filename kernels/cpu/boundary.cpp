#include "boundary.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

#include "net_owned.hpp"

namespace vsr {

namespace {

constexpr Py_ssize_t kStreamBytes = 1 << 20;
template <class W>
constexpr const char* kBankName = "vsr._cpu.bank";
template <>
constexpr const char* kBankName<std::int32_t> = "vsr._cpu.pair_bank";
template <>
constexpr const char* kBankName<std::int16_t> = "vsr._cpu.short_bank";

template <class W>
constexpr const char* kFormat = "f";
template <>
constexpr const char* kFormat<std::int32_t> = "i";
template <>
constexpr const char* kFormat<std::int16_t> = "h";

template <class W>
void delete_bank(PyObject* capsule) {
    delete static_cast<OwnedBank<W>*>(PyCapsule_GetPointer(capsule, kBankName<W>));
}

struct Buffer {
    Py_buffer view{};
    bool held = false;
    ~Buffer() { if (held) PyBuffer_Release(&view); }
    bool take(PyObject* object, const char* format, int dimensions) {
        held = PyObject_GetBuffer(object, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) == 0;
        if (!held) return false;
        if (view.ndim == dimensions && std::strcmp(view.format, format) == 0) return true;
        PyErr_Format(PyExc_TypeError, "expected a contiguous array of %d dimensions, format %s", dimensions, format);
        return false;
    }
};

bool windows_lie_within(const std::int32_t* start, Py_ssize_t count, Py_ssize_t span, int size_in) {
    if (count < 1 || span < 1 || start[0] < 0 || start[count - 1] + span > size_in) return false;
    for (Py_ssize_t i = 1; i < count; ++i)
        if (start[i] < start[i - 1]) return false;
    return true;
}

// A bank of (starts, weights, size_in) in a capsule, or null with a Python exception set.
template <class W>
PyObject* new_bank_of(PyObject* args) {
    PyObject *starts, *weights;
    int size_in;
    if (!PyArg_ParseTuple(args, "OOi", &starts, &weights, &size_in)) return nullptr;
    Buffer start, weight;
    if (!start.take(starts, "i", 1) || !weight.take(weights, kFormat<W>, 2)) return nullptr;
    const auto* first = static_cast<const std::int32_t*>(start.view.buf);
    const Py_ssize_t count = weight.view.shape[0], taps = weight.view.shape[1], span = kStep<W> * (taps - 1) + 1;
    if (start.view.shape[0] != count || count > 1 << 20 || !windows_lie_within(first, count, span, size_in)) {
        PyErr_SetString(PyExc_ValueError, "the windows of a bank ascend and lie within its input");
        return nullptr;
    }
    OwnedBank<W>* bank;
    try {
        bank = new OwnedBank<W>(first, static_cast<const W*>(weight.view.buf), size_in, int(count), int(taps));
    } catch (const std::bad_alloc&) {
        return PyErr_NoMemory();
    }
    PyObject* capsule = PyCapsule_New(bank, kBankName<W>, delete_bank<W>);
    if (!capsule) delete bank;
    return capsule;
}

template <class W>
const BankOf<W>* view_of(PyObject* capsule) {
    auto* bank = static_cast<OwnedBank<W>*>(PyCapsule_GetPointer(capsule, kBankName<W>));
    return bank ? &bank->view : nullptr;
}

}  // namespace

bool HeldPlane::take(PyObject* object, bool writable) {
    const int flags = PyBUF_STRIDES | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object, &buffer_, flags) != 0) return false;
    held_ = true;
    const bool samples = buffer_.ndim == 2 &&
        (std::strcmp(buffer_.format, "B") == 0 || std::strcmp(buffer_.format, "H") == 0 ||
         std::strcmp(buffer_.format, "f") == 0);
    if (!samples || buffer_.shape[0] < 1 || buffer_.shape[1] < 1 || buffer_.shape[0] > 1 << 20 ||
        buffer_.shape[1] > 1 << 20 || (buffer_.shape[1] > 1 && buffer_.strides[1] != buffer_.itemsize)) {
        PyErr_SetString(PyExc_TypeError, "a plane is a (height, width) array of uint8, uint16 or float32 with contiguous rows");
        return false;
    }
    plane = Plane{static_cast<unsigned char*>(buffer_.buf), buffer_.strides[0], int(buffer_.shape[1]),
                  int(buffer_.shape[0]), int(buffer_.itemsize), false};
    // A large plane has left the caches by the time somebody reads it. Writing past them spares reading it first.
    const auto address = reinterpret_cast<std::uintptr_t>(buffer_.buf);
    plane.stream = writable && buffer_.len >= kStreamBytes && address % 64 == 0 && buffer_.strides[0] % 64 == 0;
    return true;
}

bool HeldPlanes::take_input(PyObject* tuple, int i, Planes& planes) {
    PyObject *plane, *columns, *rows;
    if (!PyArg_ParseTuple(tuple, "OOO", &plane, &columns, &rows) || !inputs_[i].take(plane, false)) return false;
    PlaneIn& in = planes.in[i];
    in = PlaneIn{inputs_[i].plane, bank_of(columns), bank_of(rows)};
    if (!in.columns || !in.rows) return false;
    if (i == 0) {
        planes.width = in.columns->size_out;
        planes.height = in.rows->size_out;
    }
    return fits(*in.columns, in.plane.width, planes.width, "columns") &&
           fits(*in.rows, in.plane.height, planes.height, "rows");
}

bool HeldPlanes::take_output(PyObject* tuple, int i, Planes& planes) {
    PyObject *plane, *columns, *rows;
    float bias;
    int shift;
    if (!PyArg_ParseTuple(tuple, "OOOfi", &plane, &columns, &rows, &bias, &shift) || !outputs_[i].take(plane, true))
        return false;
    PlaneOut& out = planes.out[i];
    out = PlaneOut{outputs_[i].plane, bank_of(columns), bank_of(rows), bias, shift};
    const int width = planes.width * scale_, height = planes.height * scale_;
    if (!out.columns || !out.rows || !fits(*out.columns, width, out.plane.width, "columns") ||
        !fits(*out.rows, height, out.plane.height, "rows"))
        return false;
    if (shift < 0 || shift > 2 || out.plane.height != (height + (1 << shift) - 1) >> shift) {
        PyErr_SetString(PyExc_ValueError, "the rows of a plane are those of the grid, shifted right by 0, 1 or 2");
        return false;
    }
    step = std::max(step, 1 << shift);
    return true;
}

bool HeldPlanes::take(PyObject* inputs, PyObject* outputs, float top, Planes& planes, int scale) {
    const Py_ssize_t count_in = PyTuple_Size(inputs), count_out = PyTuple_Size(outputs);
    if (PyErr_Occurred()) return false;
    if ((count_in != 1 && count_in != 3) || (count_out != 1 && count_out != 3)) {
        PyErr_SetString(PyExc_ValueError, "a job has 1 or 3 inputs and 1 or 3 outputs");
        return false;
    }
    planes.inputs = int(count_in);
    planes.outputs = int(count_out);
    planes.top = top;
    scale_ = scale;
    for (int i = 0; i < planes.inputs; ++i)
        if (!take_input(PyTuple_GetItem(inputs, i), i, planes)) return false;
    for (int i = 0; i < planes.outputs; ++i)
        if (!take_output(PyTuple_GetItem(outputs, i), i, planes)) return false;
    return true;
}

bool floats_of(PyObject* object, int count, float* out) {
    Buffer buffer;
    if (!buffer.take(object, "f", 1)) return false;
    if (buffer.view.shape[0] != count) {
        PyErr_Format(PyExc_ValueError, "expected %d factors", count);
        return false;
    }
    std::memcpy(out, buffer.view.buf, count * sizeof(float));
    return true;
}

PyObject* new_bank(PyObject*, PyObject* args) { return new_bank_of<float>(args); }
PyObject* new_pair_bank(PyObject*, PyObject* args) { return new_bank_of<std::int32_t>(args); }
PyObject* new_short_bank(PyObject*, PyObject* args) { return new_bank_of<std::int16_t>(args); }

namespace {
constexpr const char* kNetName = "vsr._cpu.net";

void delete_net(PyObject* capsule) { delete static_cast<OwnedNet*>(PyCapsule_GetPointer(capsule, kNetName)); }

template <class T>
std::vector<T> copied(const Buffer& buffer) {
    const auto* first = static_cast<const T*>(buffer.view.buf);
    return std::vector<T>(first, first + buffer.view.shape[0]);
}
}  // namespace

PyObject* new_net(PyObject*, PyObject* args) {
    PyObject *ints, *floats;
    if (!PyArg_ParseTuple(args, "OO", &ints, &floats)) return nullptr;
    Buffer numbers, values;
    if (!numbers.take(ints, "i", 1) || !values.take(floats, "f", 1)) return nullptr;
    OwnedNet* net;
    try {
        net = new OwnedNet(copied<std::int32_t>(numbers), copied<float>(values));
    } catch (const std::bad_alloc&) {
        return PyErr_NoMemory();
    } catch (const std::invalid_argument& error) {
        PyErr_SetString(PyExc_ValueError, error.what());
        return nullptr;
    }
    PyObject* capsule = PyCapsule_New(net, kNetName, delete_net);
    if (!capsule) delete net;
    return capsule;
}

OwnedNet* net_of(PyObject* capsule) { return static_cast<OwnedNet*>(PyCapsule_GetPointer(capsule, kNetName)); }

const Bank* bank_of(PyObject* capsule) { return view_of<float>(capsule); }
const PairBank* pair_bank_of(PyObject* capsule) { return view_of<std::int32_t>(capsule); }
const ShortBank* short_bank_of(PyObject* capsule) { return view_of<std::int16_t>(capsule); }

}  // namespace vsr
