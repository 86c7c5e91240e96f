/* Writes seeds for fuzz_executor to DIR/executor/: a request and an answer of each kind, acts. */
#include "node/acts.h"
#include "node/executor_wire.h"
#include "tests/fuzz/seed_files.h"
#include "tests/unit/crypto_fixture.h"

static void seed_run(void)
{
    static struct roster roster;
    uint8_t bytes[EXECUTOR_REQUEST_MAX], cert_bytes[ORDER_CERT_BYTES_MAX];
    struct cluster_id cluster = {{0xc1}};
    fixture_roster(&roster, 3, 1);
    struct order order = fixture_order(&roster, 1);
    struct order_cert cert = fixture_order_cert(&order, 0, 2, 1u << 1, &cluster);
    struct writer w = writer_init(cert_bytes, sizeof cert_bytes);
    order_cert_encode(&w, &cert);
    struct executor_request request = {.type = EXECUTOR_RUN,
                                       .id = 7,
                                       .kind = EXECUTOR_OFF,
                                       .action = 1,
                                       .slot = order.slot,
                                       .life = order.life,
                                       .begin_by = {INT64_C(7000000000)},
                                       .end_by = {INT64_C(20000000000)},
                                       .info = {(const uint8_t *)"vm", 2},
                                       .cert = {cert_bytes, writer_size(&w)}};
    seed_file("run", bytes, executor_request_encode(bytes, &request));
    request = (struct executor_request){.type = EXECUTOR_LOOK, .id = 8};
    seed_file("look", bytes, executor_request_encode(bytes, &request));
    request = (struct executor_request){.type = EXECUTOR_ASK_PART, .id = 9, .index = 2};
    seed_file("ask-part", bytes, executor_request_encode(bytes, &request));
}

static void seed_answers(void)
{
    uint8_t bytes[EXECUTOR_ANSWER_MAX];
    struct executor_answer answer = {.type = EXECUTOR_ENDED,
                                     .id = 7,
                                     .outcome = RUN_OFF,
                                     .device = "lab:n1",
                                     .text = "off: done; status: off"};
    seed_file("ended", bytes, executor_answer_encode(bytes, &answer));
    answer.type = EXECUTOR_STATE;
    seed_file("state", bytes, executor_answer_encode(bytes, &answer));
    answer.type = EXECUTOR_PART;
    answer.part = (struct executor_part){
        .count = 3, .kind = EXECUTOR_PART_DEVICE, .good = true, .slot = 1, .name = "n1-bmc"};
    seed_file("part", bytes, executor_answer_encode(bytes, &answer));
}

static void seed_acts(void)
{
    static struct acts_table table;
    static uint8_t bytes[ACTS_FILE_MAX];
    struct cluster_id cluster = {{0xc1}};
    for (uint16_t slot = 1; slot < 4; slot++)
        acts_add(&table, &(struct fence_act){.slot = slot, .life = 7, .action = 1});
    seed_file("acts", bytes, acts_encode(bytes, &table, &cluster));
}

int main(int argc, char **argv)
{
    seed_begin(argc, argv, "executor");
    seed_run();
    seed_answers();
    seed_acts();
    return EXIT_SUCCESS;
}
