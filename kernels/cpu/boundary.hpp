// Python objects in, plain data out: the only checks that stand between Python and the kernels' pointers.
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "bank.hpp"

namespace vsr {

// A (height, width) array of uint8, uint16 or float32, held by the buffer protocol for as long as this lives.
class HeldPlane {
public:
    HeldPlane() = default;
    ~HeldPlane() { if (held_) PyBuffer_Release(&buffer_); }
    HeldPlane(const HeldPlane&) = delete;
    HeldPlane& operator=(const HeldPlane&) = delete;

    // False with a Python exception set if it is not such an array.
    bool take(PyObject* object, bool writable);
    Plane plane{};

private:
    Py_buffer buffer_{};
    bool held_ = false;
};

// Planes of a job: inputs are (plane, columns, rows) that lead to one grid, outputs (plane, columns, rows, bias,
// shift) that lead from one that is `scale` times as large. One or three of each.
class HeldPlanes {
public:
    bool take(PyObject* inputs, PyObject* outputs, float top, Planes& planes, int scale = 1);
    int step = 1;  // rows of the outputs' grid that bands are multiples of

private:
    bool take_input(PyObject* tuple, int i, Planes& planes);
    bool take_output(PyObject* tuple, int i, Planes& planes);
    HeldPlane inputs_[3], outputs_[3];
    int scale_ = 1;
};

// False with an exception set unless `object` is a contiguous array of `count` float32.
bool floats_of(PyObject* object, int count, float* out);

// A network of (int32 array, float32 array) in a capsule, or null with an exception set; see net_owned.hpp.
class OwnedNet;
PyObject* new_net(PyObject* module, PyObject* args);
OwnedNet* net_of(PyObject* capsule);

PyObject* new_bank(PyObject* module, PyObject* args);

PyObject* new_pair_bank(PyObject* module, PyObject* args);
PyObject* new_short_bank(PyObject* module, PyObject* args);

// The bank in a capsule, null with a Python exception set if it is something else.
const Bank* bank_of(PyObject* capsule);
const PairBank* pair_bank_of(PyObject* capsule);
const ShortBank* short_bank_of(PyObject* capsule);

// False with ValueError set unless the bank goes from size_in to size_out.
template <class W>
bool fits(const BankOf<W>& bank, int size_in, int size_out, const char* what) {
    if (bank.size_in == size_in && bank.size_out == size_out) return true;
    PyErr_Format(PyExc_ValueError, "the bank of %s is for %d to %d samples, the planes have %d and %d", what,
                 bank.size_in, bank.size_out, size_in, size_out);
    return false;
}

}  // namespace vsr
