/* The descriptors that `lab start` leaves open for a machine's supervisor: see lab_machine.c. */
#ifndef CLIENT_LAB_MACHINE_H
#define CLIENT_LAB_MACHINE_H

enum { LAB_LEASH_FD = 3, LAB_TIE_FD = 4 };

#endif
