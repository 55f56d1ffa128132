# A PostgreSQL of RDS for Keycloak, where database is true; otherwise one runs on the server.

locals {
  # RDS takes no two hyphens in a row; a slug may have them.
  database_name = replace("${local.name}-identity", "/--+/", "-")
  database_logs = var.database && var.logs ? toset(["postgresql", "upgrade"]) : toset([])
}

resource "aws_db_subnet_group" "identity" {
  count = var.database ? 1 : 0

  name        = local.database_name
  description = "Where the database of Keycloak may run"
  subnet_ids  = local.own_network ? aws_subnet.database[*].id : var.existing_database_subnet_ids
}

resource "aws_db_parameter_group" "identity" {
  count = var.database ? 1 : 0

  name_prefix = "${local.database_name}-"
  description = "PostgreSQL for Keycloak, TLS only"
  family      = "postgres${var.database_version}"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# Made here, before RDS makes them by itself and keeps everything for ever.
resource "aws_cloudwatch_log_group" "database" {
  for_each = local.database_logs

  #checkov:skip=CKV_AWS_158: Encrypted with a key of AWS. One of the customer can be deleted with everything it encrypts, and keeps out nobody whom IAM lets in.
  #checkov:skip=CKV_AWS_338: Messages may name users, so log_retention_days says how long they are kept.

  name              = "/aws/rds/instance/${local.database_name}/${each.value}"
  retention_in_days = var.log_retention_days
}

# Holds every user's sign-in, so `destroy` fails until a person removes the lifecycle block.
resource "aws_db_instance" "identity" {
  count = var.database ? 1 : 0

  #checkov:skip=CKV_AWS_118: What RDS measures by itself is enough for the alarms; more is paid for, and needs one more role.
  #checkov:skip=CKV_AWS_161: Keycloak signs in with a password of its own, and does not renew the tokens of IAM, which end after minutes.
  #checkov:skip=CKV_AWS_353: It would keep statements of Keycloak in one place more, and nobody tunes a database of this size.

  identifier     = local.database_name
  engine         = "postgres"
  engine_version = var.database_version
  instance_class = var.database_class
  multi_az       = var.database_multi_az

  storage_type      = "gp3"
  allocated_storage = var.database_storage_gib
  storage_encrypted = true

  db_name  = "keycloak"
  username = "stuf"
  # RDS makes the password, keeps it in Secrets Manager and changes it every week: no state ever holds it. Keycloak
  # does not sign in with it; it is for making Keycloak's own user.
  manage_master_user_password = true

  db_subnet_group_name   = aws_db_subnet_group.identity[0].name
  vpc_security_group_ids = [aws_security_group.database[0].id]
  parameter_group_name   = aws_db_parameter_group.identity[0].name
  publicly_accessible    = false

  # RDS would keep what was approved for its weekly window, and refuse a newer major version.
  apply_immediately           = true
  allow_major_version_upgrade = true

  auto_minor_version_upgrade      = true
  backup_retention_period         = var.database_backup_days
  copy_tags_to_snapshot           = true
  deletion_protection             = true
  skip_final_snapshot             = false
  final_snapshot_identifier       = "${local.database_name}-final"
  enabled_cloudwatch_logs_exports = local.database_logs

  depends_on = [aws_cloudwatch_log_group.database]

  lifecycle {
    prevent_destroy = true
  }
}
