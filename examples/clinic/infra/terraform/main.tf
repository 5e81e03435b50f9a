resource "aws_s3_bucket" "documents" {
  bucket = "clinic-portal-documents"
}

resource "aws_s3_bucket_acl" "documents" {
  bucket = aws_s3_bucket.documents.id
  acl    = "public-read"
}

resource "aws_db_instance" "portal" {
  identifier          = "portal"
  engine              = "postgres"
  instance_class      = "db.t3.medium"
  allocated_storage   = 100
  storage_encrypted   = false
  publicly_accessible = true
  username            = "portal"
  password            = var.database_password
}

resource "aws_security_group" "api" {
  name        = "api"
  description = "The portal's API"

  ingress {
    description = "all the world"
    from_port   = 0
    to_port     = 65535
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

variable "database_password" {
  type      = string
  sensitive = true
}
