"""The tests of ``mirrorlist/<folder>/<name>.py`` are in ``tests/<folder>/test_<name>.py``, or where a table says."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
ELSEWHERE: dict[str, str] = {
    "checks/fetching/test_fetch.py": "checks/fetching/result",
    "checks/probing/test_rsync.py": "checks/fetching/subprocesses",
    "checks/probing/test_visit.py": "checks/probing/judge",
    "cli/output/test_online_table.py": "cli/output/written",
    "cli/test_commands.py": "cli/explain cli/list cli/mirrors cli/publish cli/serve cli/update cli/shared/compiled",
    "cli/test_help.py": "cli/main cli/shared/context cli/shared/help",
    "cli/test_preview.py": "cli/output/preview_forms cli/output/preview_map cli/output/preview_page",
    "cli/test_probe.py": "cli/health cli/override cli/output/durations cli/output/faults probing/prober probing/speed",
    "cli/test_validate_online.py": "probing/online probing/survey",
    "core/catalogue/test_catalogue.py": "core/catalogue/query",
    "core/files/test_index.py": "core/files/build core/files/folder",
    "core/health/test_quick_lane.py": "core/health/own_network core/health/quick_look",
    "core/preview/test_preview.py": "core/preview/impact core/network/population",
    "core/public/test_public_shares.py": "core/public/encoding",
    "core/public/test_record.py": "core/public/types",
    "core/selection/test_clients.py": "core/selection/client",
    "core/selection/test_compile.py": "core/network/intervals core/selection/rank",
    "core/selection/test_reasons.py": "core/reasons core/rules",
    "core/selection/test_select.py": "core/selection/answer",
    "core/selection/test_shares.py": "core/selection/columns core/selection/prepared",
    "core/selection/test_usability.py": "core/health/columns core/health/table",
    "core/test_kinds.py": "core/content core/kinds/apt core/kinds/archives core/kinds/rpm core/kinds/table "
    "publishing/canaries publishing/named_files",
    "core/test_mirror.py": "core/model",
    "demo/test_network.py": "demo/directory",
    "demo/test_run.py": "cli/demo",
    "cli/test_doctor.py": "diagnosis/data diagnosis/finding diagnosis/machine",
    "following/test_follower.py": "core/channel cli/follow publishing/channel",
    "formats/test_contract.py": "formats/registry",
    "formats/test_file_formats.py": "formats/checksum formats/file_json formats/file_metalink3 formats/file_metalink4 "
    "formats/links",
    "formats/test_golden.py": "formats/apk formats/apt formats/isolist formats/json formats/metalink4 formats/pacman "
    "formats/xml_documents",
    "importing/test_import.py": "cli/import_ importing/almalinux importing/documents importing/imported_mirror "
    "importing/mirror_files",
    "importing/test_table.py": "importing/table_files importing/table_meanings",
    "indexing/test_network.py": "cli/which indexing/mirrors sources/origin/files",
    "kit/test_quoting.py": "kit/writing",
    "publishing/test_geo_update.py": "countries sources/geo/downloads",
    "publishing/test_keeper.py": "cli/keeper",
    "publishing/test_mail.py": "cli/mail publishing/network_now publishing/notifying store/notices",
    "publishing/test_origin_notice.py": "cli/notify",
    "publishing/test_origin_update.py": "core/updates store/origin_faults",
    "pulling/test_pull.py": "cli/pull pulling/git pulling/run",
    "sources/mirrors/test_repairs.py": "sources/mirrors/forms",
    "sources/origin/test_repomd.py": "sources/origin/web",
    "sources/service/test_file.py": "core/catalogue/service "
    "sources/service/catalogue_checks sources/service/checks sources/service/text sources/service/tree_checks",
    "sources/submissions/test_judge.py": "core/errors core/review sources/submissions/hosts "
    "sources/submissions/networks sources/submissions/submission sources/submissions/terms sources/submissions/text",
    "sources/yaml/test_finding_codes.py": "sources/yaml/documents",
    "store/test_database.py": "store/tables",
    "store/test_repeat_files.py": "store/count_files",
    "store/test_vantages.py": "store/marks",
    "test_nodes.py": "cli/channel_key",
    "test_processes.py": "__main__ worker",
    "test_reload.py": "app web/generations",
    "web/api/test_openapi.py": "web/api/fields web/api/types",
    "web/lists/test_hot.py": "web/clients web/lists/prepared_answers",
    "web/redirects/test_views.py": "core/redirects/file_mirrors web/redirects/hot web/redirects/targets",
    "web/site/test_views.py": "web/error_pages web/lists/views web/rendering web/site/network web/site/owners "
    "web/site/published web/site/svg",
    "web/site/test_yours.py": "web/questions",
    "web/test_operations.py": "web/metrics",
}
"""What a file of tests holds to beside the module of its own name, if it has one."""


def test_each_module_has_its_tests_at_the_mirrored_path_or_where_the_table_says() -> None:
    modules = {
        path.relative_to(ROOT / "mirrorlist").with_suffix("")
        for path in (ROOT / "mirrorlist").rglob("*.py")
        if path.stem != "__init__" and "migrations" not in path.parts  # tests/store/test_database.py runs them all
    }
    away = {str(each) for each in modules if not (ROOT / "tests" / each.parent / f"test_{each.name}.py").is_file()}
    listed = {module for held in ELSEWHERE.values() for module in held.split()}
    assert away - listed == set()
    assert listed - {str(each) for each in modules} == set()
    assert [path for path in ELSEWHERE if not (ROOT / "tests" / path).is_file()] == []
